// SPDX-License-Identifier: Apache-2.0
// weft attach and detach: which interface of which host is a logical port.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "client.h"
#include "command.h"
#include "output.h"
#include "receipt.h"
#include "target.h"

// An interface that was made a moment ago may not be reported yet: so long, and so often, it is
// asked for again.
enum { APPEAR_MS = 2000, RETRY_MS = 100 };

static const char *device, *host;
static bool host_guessed; // nobody said which

static const struct option_spec attach_options[] = {
	{.name = "dev",
		.letter = 'd',
		.type = OPTION_TEXT,
		.target = &device,
		.argument = "DEVICE",
		.help = "the interface on the host: a tap, the host side of a container's veth"},
	{.name = "host",
		.letter = 'H',
		.type = OPTION_TEXT,
		.target = &host,
		.argument = "HOST",
		.environment = "WEFT_HOST",
		.help = "the host that has the interface; this machine's name where not given"},
	{0},
};

static bool interface_not_found(const struct client *client)
{
	const char *type = json_string_value(json_object_get(client_problem(client), "type"));

	return type && !strcmp(type, "urn:weft:problem:interface-not-found");
}

static int post_attach(
	struct client *client, const struct target *target, json_t **answer, struct error *error)
{
	cleanup_free char *port = client_path(target->kind, target->tenant, target->name);
	cleanup_free char *path = memory_format("%s/attach", port);
	json_t *body = json_pack("{s:s, s:s}", "host", host, "device", device);
	uint64_t deadline = clock_monotonic_ms() + APPEAR_MS;
	int rc;

	while (true) {
		struct error refusal = {0};
		rc = client_request(
			client, "POST", path, body, CLIENT_TIMEOUT_MS, answer, &refusal);
		if (rc && interface_not_found(client) && clock_monotonic_ms() < deadline) {
			usleep(RETRY_MS * 1000);
			continue;
		}
		if (rc)
			*error = refusal;
		break;
	}
	json_decref(body);
	return rc;
}

static int post_detach(
	struct client *client, const struct target *target, json_t **answer, struct error *error)
{
	cleanup_free char *port = client_path(target->kind, target->tenant, target->name);
	cleanup_free char *path = memory_format("%s/detach", port);
	json_t *body = json_object();
	int rc = client_request(client, "POST", path, body, CLIENT_TIMEOUT_MS, answer, error);

	json_decref(body);
	return rc;
}

// The name of this machine was taken, and it is no host there.
static void host_is_not_ours(struct error *error)
{
	size_t length = strlen(error->message);

	snprintf(error->message + length, sizeof(error->message) - length,
		"; that is the name of this machine, say --host if another is meant");
}

// ---- what was done ----

// "10.1.1.2/24": with the length of the subnet that it is in.
static void print_address(const char *text, const json_t *subnets)
{
	struct address address;
	struct prefix prefix;
	size_t index;
	json_t *subnet;

	printf(" %s", text);
	if (address_parse(text, &address))
		return;
	json_array_foreach ((json_t *)subnets, index, subnet)
		if (!prefix_parse(json_string_value(subnet), &prefix) &&
			prefix_contains(&prefix, &address)) {
			fputs(strchr(json_string_value(subnet), '/'), stdout);
			return;
		}
}

// What the other end of the interface must have: whoever uses another MAC or address is dropped as
// spoofed. Left out if it cannot be read any more.
static void print_place(struct client *client, const struct target *target)
{
	json_t *port = client_find(client, MODEL_PORT, target->tenant, target->name), *address;
	const char *mac = json_string_value(json_object_get(port, "mac"));
	const char *name = json_string_value(json_object_get(port, "network"));
	const json_t *addresses = json_object_get(port, "addresses");
	size_t index;

	if (mac && name) {
		json_t *network = client_find(client, MODEL_NETWORK, target->tenant, name);
		printf("its other end has MAC %s and addresses", mac);
		json_array_foreach ((json_t *)addresses, index, address)
			print_address(
				json_string_value(address), json_object_get(network, "subnets"));
		puts(json_array_size(addresses) ? "" : " none");
		json_decref(network);
	}
	json_decref(port);
}

static int run_on_port(const char *word, bool attaching)
{
	cleanup_client struct client *client = NULL;
	cleanup_target struct target target = {0};
	struct error error = {0};
	json_t *answer = NULL;
	json_int_t revision;
	int rc = client_open(&client, &error), code;

	if (!rc)
		rc = target_resolve(client, MODEL_PORT, word, &target, &error);
	if (!rc && attaching)
		rc = post_attach(client, &target, &answer, &error);
	else if (!rc)
		rc = post_detach(client, &target, &answer, &error);
	if (rc && attaching && host_guessed && !strcmp(error.field, "host"))
		host_is_not_ours(&error);
	if (rc)
		return output_error(&error, client, NULL);
	revision = json_integer_value(json_object_get(answer, "revision"));
	if (!output_json && attaching)
		printf("revision %" JSON_INTEGER_FORMAT ": port %s/%s is %s on host %s\n", revision,
			target.tenant, target.name, device, host);
	if (!output_json && attaching)
		print_place(client, &target);
	else if (!output_json)
		printf("revision %" JSON_INTEGER_FORMAT ": port %s/%s is detached\n", revision,
			target.tenant, target.name);
	code = receipt_finish(client, answer);
	json_decref(answer);
	return code;
}

static int run_attach(const char *const *words)
{
	static char name[64];

	if (!device)
		return output_usage_error("attach", "which interface? --dev DEVICE");
	if (!host) {
		if (gethostname(name, sizeof(name) - 1))
			return output_usage_error("attach", "which host? --host HOST");
		host = name;
		host_guessed = true;
	}
	return run_on_port(words[0], true);
}

static int run_detach(const char *const *words)
{
	return run_on_port(words[0], false);
}

const struct command command_attach = {
	.name = "attach",
	.summary = "Make an interface of a host a logical port",
	.group = COMMAND_WISH,
	.help = "PORT is a name, or TENANT/NAME. An interface that was just made is waited for, "
		"two seconds at most. The answer says which MAC and addresses the other end must "
		"have; a network with dhcp tells it the addresses.",
	.examples = "ip link add web1 type veth peer name eth0 netns c1 && ip link set web1 up\n"
		    "weft attach acme/web1 --dev web1 --wait\n"
		    "weft attach acme/vm1 --dev tap0 --host h2\n",
	.words = {{"PORT"}},
	.options = (const struct option_spec *const[]){attach_options, receipt_options,
		target_options, client_options, NULL},
	.run = run_attach,
};

const struct command command_detach = {
	.name = "detach",
	.summary = "Take a logical port off its interface",
	.group = COMMAND_WISH,
	.words = {{"PORT"}},
	.options = (const struct option_spec *const[]){receipt_options, target_options,
		client_options, NULL},
	.run = run_detach,
};
