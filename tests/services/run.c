// SPDX-License-Identifier: Apache-2.0
// services-run OBJECTS.json: hold the services to what a client asks. One line in, one out:
//
//   SERVICE PORT FRAME       SERVICE: dhcpv4, dhcpv6, router, dns; PORT: its key; FRAME: in hex
//   answered FRAME | silent | malformed | forward QUERY
//
//   unasked PORT             the router advertisement that the port gets by itself
//   answered FRAME | silent
//
//   reply BYTES              what a name server says to the last query that was to be forwarded
//   answered FRAME | ignored
//
//   fail | refuse            nobody answers it, nobody can be asked
//   answered FRAME
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ra.h"
#include "serve.h"

static struct directory *directory;
static struct answer answer;
static struct dns_request request;
static size_t mtu;

static int load(const char *path)
{
	json_error_t cause;
	json_t *objects = json_load_file(path, 0, &cause), *item;
	struct error error = {0};
	size_t i;

	if (!objects) {
		fprintf(stderr, "services-run: %s\n", cause.text);
		return -1;
	}
	directory_new(&directory);
	json_array_foreach (objects, i, item) {
		enum model_kind kind;
		struct object *object;
		model_kind_find(json_string_value(json_object_get(item, "kind")), &kind);
		if (object_decode(&object, kind, json_string_value(json_object_get(item, "tenant")),
			    json_string_value(json_object_get(item, "name")), item, true, &error)) {
			fprintf(stderr, "services-run: %s\n", error.message);
			return -1;
		}
		directory_put(directory, object);
		object_unref(object);
	}
	json_decref(objects);
	directory_settle(directory);
	return 0;
}

// Exactly as long as the text says, so that a sanitizer sees what reads beyond.
static uint8_t *decode(const char *hex, size_t *length)
{
	*length = strlen(hex) / 2;
	uint8_t *bytes = malloc(*length ? *length : 1);
	for (size_t i = 0; bytes && i < *length; i++) {
		unsigned value = 0;
		sscanf(hex + 2 * i, "%2x", &value);
		bytes[i] = (uint8_t)value;
	}
	return bytes;
}

static void print(const char *word, const uint8_t *bytes, size_t length)
{
	printf("%s ", word);
	for (size_t i = 0; i < length; i++)
		printf("%02x", bytes[i]);
	printf("\n");
}

static void print_answer(void)
{
	static uint8_t frame[FRAME_BYTES];
	size_t length = frame_encode(&answer, mtu, frame);

	if (length)
		print("answered", frame, length);
	else
		printf("too-long\n");
}

static void print_result(enum service_result result)
{
	switch (result) {
	case SERVICE_ANSWERED:
		print_answer();
		break;
	case SERVICE_FORWARD:
		print("forward", request.query, request.length);
		break;
	case SERVICE_SILENT:
		printf("silent\n");
		break;
	case SERVICE_MALFORMED:
		printf("malformed\n");
		break;
	}
}

static bool bind_port(struct binding *binding, unsigned key)
{
	const struct port *port = directory_port(directory, key);

	if (!port || binding_make(binding, directory, port))
		return false;
	mtu = binding->network->mtu;
	return true;
}

static void serve(enum dp_service service, unsigned key, const char *hex)
{
	struct binding binding;
	size_t length;
	cleanup_free uint8_t *bytes = decode(hex, &length);

	if (!bind_port(&binding, key))
		printf("unbound\n");
	else
		print_result(serve_frame(
			directory, &binding, service, bytes, length, &answer, &request));
}

static void unasked(unsigned key)
{
	struct binding binding;

	if (!bind_port(&binding, key) || !network_advertises(binding.network)) {
		printf("silent\n");
		return;
	}
	ra_advertise(&binding, &answer);
	print_answer();
}

static void reply(const char *hex)
{
	size_t length;
	cleanup_free uint8_t *bytes = decode(hex, &length);

	if (dns_accept(&request, bytes, length, &answer))
		print_answer();
	else
		printf("ignored\n");
}

static void obey(char *line)
{
	static const char *const services[DP_SERVICE_COUNT] = {
		[DP_SERVICE_DHCPV4] = "dhcpv4",
		[DP_SERVICE_DHCPV6] = "dhcpv6",
		[DP_SERVICE_ROUTER] = "router",
		[DP_SERVICE_DNS] = "dns",
	};
	char *rest = line, *word = strsep(&rest, " ");

	if (strcmp(word, "reply") == 0) {
		reply(rest ? rest : "");
	} else if (strcmp(word, "fail") == 0 || strcmp(word, "refuse") == 0) {
		(word[0] == 'f' ? dns_fail : dns_refuse)(&request, &answer);
		print_answer();
	} else {
		unsigned key = (unsigned)strtoul(rest ? strsep(&rest, " ") : "", NULL, 0);
		if (strcmp(word, "unasked") == 0)
			unasked(key);
		for (int i = DP_SERVICE_NONE + 1; i < DP_SERVICE_COUNT; i++)
			if (strcmp(word, services[i]) == 0)
				serve(i, key, rest ? rest : "");
	}
	fflush(stdout);
}

int main(int count, char **arguments)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t length;

	if (count != 2 || load(arguments[1]))
		return 2;
	while ((length = getline(&line, &room, stdin)) > 0) {
		line[strcspn(line, "\n")] = '\0';
		obey(line);
	}
	free(line);
	directory_free(directory);
	return 0;
}
