// SPDX-License-Identifier: Apache-2.0
// Frames out of devices of this host: what goes out of the host's end of a port's device, the port receives.
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "frame.h"

struct sender;

int sender_new(struct sender **out, struct error *error);
void sender_free(struct sender *sender);
// 0 or -errno: the device is gone or down, its queue is full, or the answer is too large for the network. Nothing waits.
int sender_send(struct sender *sender, uint32_t ifindex, size_t mtu, const struct answer *answer);
