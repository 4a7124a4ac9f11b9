// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// The stages of a packet's way, for whoever wants to see them: seam_note() opens one, and what is looked up, rewritten or
// dropped until the next belongs to it. In the kernel it is nothing.
//
// STAGE(name, NAME, "what is asked in it"). The two numbers of a note are what is known where it is opened, 0 where nothing is.
#pragma once

#define DP_STAGES(STAGE)                                                                       \
	/* The device; 0. */                                                                   \
	STAGE(port, PORT, "which port is behind the device")                                   \
	/* The device; 0. */                                                                   \
	STAGE(tunnel, TUNNEL, "which host does it come from, and for which network")           \
	/* 0; 0. */                                                                            \
	STAGE(parse, PARSE, "is it well formed")                                               \
	/* The port; its network. */                                                           \
	STAGE(security, SECURITY, "may the port send from these addresses")                    \
	/* The network; the destination port. */                                               \
	STAGE(service, SERVICE, "does the network itself serve it")                            \
	/* The network; the port that asks. */                                                 \
	STAGE(resolve, RESOLVE, "who has the address that is asked for")                       \
	/* The network; 0. */                                                                  \
	STAGE(switch, SWITCH, "where is the destination MAC")                                  \
	/* The router; the network by which the packet came to it. */                          \
	STAGE(route, ROUTE, "where does the router send it")                                   \
	/* The router; the place of the policy route in its list. */                           \
	STAGE(steer, STEER, "a policy route takes it")                                         \
	/* The domain; 0. */                                                                   \
	STAGE(connection, CONNECTION, "does it belong to a connection that was judged before") \
	/* The port; its rule set. */                                                          \
	STAGE(egress, EGRESS, "may the port send it")                                          \
	/* The port; its rule set. */                                                          \
	STAGE(ingress, INGRESS, "may the port receive it")                                     \
	/* The network; how many entries the flood list has. */                                \
	STAGE(flood, FLOOD, "who is in the network")                                           \
	/* The host; the port there, 0 if it is not for one alone. */                          \
	STAGE(encapsulate, ENCAPSULATE, "how is the other host spoken to")                     \
	/* The port; the device. */                                                            \
	STAGE(deliver, DELIVER, "it is handed to the device of the port")

#define DP_STAGE_ENUM(name, NAME, help) DP_STAGE_##NAME,
enum dp_stage { DP_STAGES(DP_STAGE_ENUM) DP_STAGE_COUNT };
#undef DP_STAGE_ENUM
