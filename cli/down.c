// SPDX-License-Identifier: Apache-2.0
// weft down: take Weft off this machine. It works on the kernel itself, without an agent.
#include "agent/agent.h"
#include "command.h"
#include "netns.h"
#include "output.h"

static const char *state;

static const struct option_spec down_options[] = {
	{.name = "state",
		.type = OPTION_TEXT,
		.target = &state,
		.argument = "DIRECTORY",
		.fallback = "/sys/fs/bpf/weft",
		.help = "the folder that was the agent's --state"},
	{0},
};

static void removed(void *context, const char *interface, const char *role)
{
	json_array_append_new(context, json_pack("{s:s, s:s}", "name", interface, "role", role));
	if (!output_json)
		printf("%s: the program of the %s is taken off\n", interface, role);
}

static int run_down(const char *const *words)
{
	struct error error = {0};
	json_t *interfaces = json_array(), *json;
	int rc = netns_enter(&error);

	(void)words;
	if (!rc)
		rc = agent_remove(state, removed, interfaces, &error);
	json = json_pack("{s:s, s:o}", "state", state, "interfaces", interfaces);
	if (!rc && output_json)
		output_print_json(json, stdout);
	else if (!rc)
		printf("this host forwards nothing by %s any more\n", state);
	json_decref(json);
	return rc ? output_error(&error, NULL, NULL) : EXIT_OK;
}

const struct command command_down = {
	.name = "down",
	.summary = "Take Weft off this host, when its agent has stopped",
	.help = "Takes the programs off the interfaces, of ports and of the underlay, and removes "
		"what the kernel forwarded by. From then on no packet of a tenant passes here. "
		"What "
		"the controller keeps stays. To be repeated at will; refused while an agent runs.",
	.examples = "systemctl disable --now weft-agent && weft down\n",
	.group = COMMAND_RUN,
	.options = (const struct option_spec *const[]){netns_options, down_options, NULL},
	.run = run_down,
};
