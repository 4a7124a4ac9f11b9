// SPDX-License-Identifier: Apache-2.0
// weft controller, agent, relay and up: the daemons, in the foreground, on one event loop, until SIGINT or
// SIGTERM.
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "agent/agent.h"
#include "base/log.h"
#include "base/memory.h"
#include "client.h"
#include "command.h"
#include "controller/controller.h"
#include "netns.h"
#include "output.h"
#include "relay/relay.h"

static const char *const encapsulations[] = {"geneve", "vxlan", NULL};
static const char *const providers[] = {"kernel", "native", NULL};

static struct controller_options controller_settings;
static struct agent_options agent_settings;
static struct relay_options relay_settings;
static uint64_t audit_ms, certificate_ms;

static const struct option_spec store_options[] = {
	{.name = "store",
		.type = OPTION_TEXT,
		.target = &controller_settings.store,
		.argument = "STORE",
		.environment = "WEFT_STORE",
		.fallback = "sqlite:/var/lib/weft/weft.db",
		.help = "where desired state is kept: sqlite:FILE, or "
			"etcd:http://HOST:PORT,…[?prefix=PREFIX], which several controllers may "
			"share; with https also ca=FILE, cert=FILE, key=FILE"},
	{.name = "socket",
		.type = OPTION_TEXT,
		.target = &controller_settings.unix_socket,
		.argument = "PATH",
		.fallback = "/run/weft/weft.sock",
		.help = "Unix socket to listen on; who may open it is an administrator; \"\": "
			"none"},
	{.name = "listen",
		.type = OPTION_TEXT,
		.target = &controller_settings.listen,
		.argument = "ADDRESS",
		.help = "address:port to listen on, always TLS; clients show a certificate or a "
			"token"},
	{.name = "advertise",
		.type = OPTION_TEXT,
		.target = &controller_settings.advertise,
		.argument = "URL",
		.environment = "WEFT_ADVERTISE",
		.help = "where other controllers on the same store reach this one, "
			"https://HOST:PORT; where it listens, if not given"},
	{0},
};

static const struct option_spec tls_options[] = {
	{.name = "cert",
		.type = OPTION_TEXT,
		.target = &controller_settings.certificate,
		.argument = "FILE",
		.environment = "WEFT_CERT",
		.help = "the controller's certificate (PEM), for --listen"},
	{.name = "key",
		.type = OPTION_TEXT,
		.target = &controller_settings.key,
		.argument = "FILE",
		.environment = "WEFT_KEY",
		.help = "key of the certificate (PEM)"},
	{.name = "ca",
		.type = OPTION_TEXT,
		.target = &controller_settings.authority,
		.argument = "FILE",
		.environment = "WEFT_CA",
		.help = "authority that signs the certificates of hosts and administrators (PEM)"},
	{.name = "authority-key",
		.type = OPTION_TEXT,
		.target = &controller_settings.authority_key,
		.argument = "FILE",
		.help = "key of the authority (PEM), to let hosts join by invitation"},
	{.name = "certificate-life",
		.type = OPTION_DURATION,
		.target = &certificate_ms,
		.argument = "TIME",
		.fallback = "7d",
		.help = "how long the certificate of a host that joined is good for; its agent "
			"renews "
			"it before"},
	{0},
};

static const struct option_spec relay_options[] = {
	{.name = "name",
		.type = OPTION_TEXT,
		.target = &relay_settings.name,
		.argument = "NAME",
		.help = "name of this relay; this machine's name where not given"},
	{.name = "socket",
		.type = OPTION_TEXT,
		.target = &relay_settings.unix_socket,
		.argument = "PATH",
		.help = "Unix socket for agents to connect to"},
	{.name = "listen",
		.type = OPTION_TEXT,
		.target = &relay_settings.listen,
		.argument = "ADDRESS",
		.help = "address:port for agents to connect to, always TLS with client "
			"certificates"},
	{0},
};

static const struct option_spec agent_options[] = {
	{.name = "host",
		.letter = 'H',
		.type = OPTION_TEXT,
		.target = &agent_settings.host,
		.argument = "HOST",
		.environment = "WEFT_HOST",
		.help = "name of this host; this machine's name where not given"},
	{.name = "vtep",
		.type = OPTION_TEXT,
		.target = &agent_settings.vtep,
		.argument = "ADDRESS",
		.help = "register the host with this tunnel endpoint"},
	{.name = "encap",
		.type = OPTION_CHOICE,
		.target = &agent_settings.encap,
		.argument = "ENCAP",
		.choices = encapsulations,
		.fallback = "geneve",
		.help = "how others wrap packets for this host: geneve or vxlan"},
	{.name = "state",
		.type = OPTION_TEXT,
		.target = &agent_settings.state,
		.argument = "DIRECTORY",
		.fallback = "/sys/fs/bpf/weft",
		.help = "folder on a BPF file system that keeps what the kernel forwards by"},
	{.name = "provider",
		.type = OPTION_CHOICE,
		.target = &agent_settings.provider,
		.argument = "PROVIDER",
		.choices = providers,
		.fallback = "kernel",
		.help = "datapath: kernel or native"},
	{.name = "audit",
		.type = OPTION_DURATION,
		.target = &audit_ms,
		.argument = "TIME",
		.fallback = "10s",
		.help = "read back and repair what the kernel holds this often"},
	{0},
};

// ---- before the start ----

// The folders above `path`, as mkdir -p.
static int make_parents(const char *path, mode_t mode, struct error *error)
{
	cleanup_free char *part = memory_text(path);

	for (char *slash = part; (slash = strchr(slash + 1, '/'));) {
		*slash = '\0';
		if (mkdir(part, mode) && errno != EEXIST)
			return error_set(error, errno, "cannot make %s: %s", part, strerror(errno));
		*slash = '/';
	}
	return 0;
}

static int prepare_controller(struct error *error)
{
	static const char sqlite[] = "sqlite:";
	int rc = 0;

	controller_settings.certificate_seconds = (certificate_ms + 999) / 1000;
	if (!*controller_settings.unix_socket)
		controller_settings.unix_socket = NULL;
	if (!controller_settings.unix_socket && !controller_settings.listen)
		return error_set(error, EINVAL, "nowhere to listen: give --socket or --listen");
	if (!strncmp(controller_settings.store, sqlite, sizeof(sqlite) - 1))
		rc = make_parents(controller_settings.store + sizeof(sqlite) - 1, 0750, error);
	if (!rc && controller_settings.unix_socket)
		rc = make_parents(controller_settings.unix_socket, 0755, error);
	return rc;
}

static int prepare_agent(struct error *error)
{
	static char name[64];

	if (!agent_settings.host) {
		if (gethostname(name, sizeof(name) - 1))
			return error_set(error, errno, "which host is this? --host HOST");
		agent_settings.host = name;
	}
	agent_settings.audit_seconds = (unsigned)((audit_ms + 999) / 1000);
	return 0;
}

static int prepare_relay(struct error *error)
{
	static char name[64];

	if (!relay_settings.name) {
		if (gethostname(name, sizeof(name) - 1))
			return error_set(error, errno, "which relay is this? --name NAME");
		relay_settings.name = name;
	}
	if (!relay_settings.unix_socket && !relay_settings.listen)
		return error_set(error, EINVAL, "nowhere to listen: give --socket or --listen");
	return relay_settings.unix_socket ? make_parents(relay_settings.unix_socket, 0755, error)
					  : 0;
}

// The address that this machine would send from: no packet leaves, connecting a UDP socket only
// asks for the route.
static const char *source_address(const char *destination, int family)
{
	static char text[INET6_ADDRSTRLEN];
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(9)};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(9)};
	bool is_v4 = family == AF_INET;
	struct sockaddr *address = is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
	socklen_t length = is_v4 ? sizeof(v4) : sizeof(v6);
	void *bytes = is_v4 ? (void *)&v4.sin_addr : (void *)&v6.sin6_addr;
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const char *found = NULL;

	if (fd < 0)
		return NULL;
	inet_pton(family, destination, bytes);
	if (!connect(fd, address, length) && !getsockname(fd, address, &length))
		found = inet_ntop(family, bytes, text, sizeof(text));
	close(fd);
	return found;
}

static int prepare_up(struct error *error)
{
	int rc = prepare_controller(error);

	if (!rc)
		rc = prepare_agent(error);
	if (rc)
		return rc;
	if (!controller_settings.unix_socket)
		return error_set(error, EINVAL, "the agent needs the controller's --socket");
	// Documentation prefixes: any address behind the default route does.
	if (!agent_settings.vtep)
		agent_settings.vtep = source_address("192.0.2.1", AF_INET);
	if (!agent_settings.vtep)
		agent_settings.vtep = source_address("2001:db8::1", AF_INET6);
	if (!agent_settings.vtep)
		return error_set(error, EINVAL,
			"this machine has no default route to take an address from: give --vtep");
	return 0;
}

// ---- running ----

struct daemon {
	uv_loop_t loop;
	uv_signal_t signals[2];
	struct controller *controller;
	struct agent *agent;
	struct relay *relay;
};

enum part { PART_CONTROLLER = 1 << 0, PART_AGENT = 1 << 1, PART_RELAY = 1 << 2 };

// The agent first: it talks to the controller.
static void daemon_stop(struct daemon *daemon)
{
	if (daemon->agent)
		agent_stop(steal(daemon->agent));
	relay_stop(steal(daemon->relay));
	if (daemon->controller)
		controller_stop(steal(daemon->controller));
}

static void on_signal(uv_signal_t *signal, int number)
{
	struct daemon *daemon = signal->data;

	log_info("%s: stopping", strsignal(number));
	daemon_stop(daemon);
	// From here on a second signal ends the process at once.
	for (size_t i = 0; i < array_count(daemon->signals); i++)
		uv_close((uv_handle_t *)&daemon->signals[i], NULL);
}

// Tell the service manager, where there is one (sd_notify(3): one datagram).
static void notify_ready(void)
{
	const char *path = getenv("NOTIFY_SOCKET"), message[] = "READY=1";
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = path ? strlen(path) : 0;
	int fd;

	if (!length || length >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, length);
	if (*path == '@')
		address.sun_path[0] = '\0'; // abstract
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, message, sizeof(message) - 1, 0, (struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
		log_warning("cannot notify %s: %s", path, strerror(errno));
	close(fd);
}

static void print_ready(const struct daemon *daemon)
{
	fputs("ready:", stdout);
	if (daemon->controller && controller_settings.unix_socket)
		printf(" controller on unix:%s", controller_settings.unix_socket);
	if (daemon->controller && controller_settings.listen)
		printf(" controller on https://%s", controller_settings.listen);
	if (daemon->agent)
		printf(" agent %s of %s", agent_settings.host, agent_settings.controller);
	if (daemon->relay && relay_settings.unix_socket)
		printf(" relay %s on unix:%s", relay_settings.name, relay_settings.unix_socket);
	if (daemon->relay && relay_settings.listen)
		printf(" relay %s on https://%s", relay_settings.name, relay_settings.listen);
	putchar('\n');
	fflush(stdout);
	notify_ready();
}

static int daemon_start(struct daemon *daemon, unsigned parts, struct error *error)
{
	static const int numbers[] = {SIGINT, SIGTERM};
	int rc = 0;

	if (parts & PART_CONTROLLER)
		rc = controller_start(
			&daemon->controller, &daemon->loop, &controller_settings, error);
	if (!rc && parts & PART_AGENT)
		rc = agent_start(&daemon->agent, &daemon->loop, &agent_settings, error);
	if (!rc && parts & PART_RELAY)
		rc = relay_start(&daemon->relay, &daemon->loop, &relay_settings, error);
	if (rc) {
		daemon_stop(daemon);
		return rc;
	}
	for (size_t i = 0; i < array_count(numbers); i++) {
		uv_signal_init(&daemon->loop, &daemon->signals[i]);
		daemon->signals[i].data = daemon;
		uv_signal_start(&daemon->signals[i], on_signal, numbers[i]);
	}
	return 0;
}

// As the log names it. Owned by the caller (free).
static char *program_name(unsigned parts)
{
	switch (parts) {
	case PART_CONTROLLER:
		return memory_text("weft-controller");
	case PART_RELAY:
		return memory_format("weft-relay %s", relay_settings.name);
	case PART_AGENT:
		return memory_format("weft-agent %s", agent_settings.host);
	default:
		return memory_format("weft %s", agent_settings.host);
	}
}

static int daemon_run(int (*prepare)(struct error *error), unsigned parts)
{
	struct daemon daemon = {0};
	struct error error = {0};
	int rc = netns_enter(&error);

	// Before anything is made.
	if (!rc && parts & PART_AGENT)
		rc = agent_check_privileges(agent_settings.provider, &error);
	if (!rc)
		rc = prepare(&error);
	if (rc)
		return output_error(&error, NULL, NULL);
	cleanup_free char *program = program_name(parts);
	log_init(program);
	rc = uv_loop_init(&daemon.loop);
	if (rc)
		return error_set(&error, -rc, "cannot make an event loop: %s", uv_strerror(rc)),
		       output_error(&error, NULL, NULL);
	rc = daemon_start(&daemon, parts, &error);
	if (!rc)
		print_ready(&daemon);
	uv_run(&daemon.loop, UV_RUN_DEFAULT); // after a failure: only to close what was opened
	uv_loop_close(&daemon.loop);
	return rc ? output_error(&error, NULL, NULL) : EXIT_OK;
}

static int run_controller(const char *const *words)
{
	(void)words;
	return daemon_run(prepare_controller, PART_CONTROLLER);
}

static int run_agent(const char *const *words)
{
	(void)words;
	agent_settings.controller = client_settings.controller;
	agent_settings.certificate = client_settings.certificate;
	agent_settings.key = client_settings.key;
	agent_settings.authority = client_settings.authority;
	return daemon_run(prepare_agent, PART_AGENT);
}

static int run_relay(const char *const *words)
{
	(void)words;
	relay_settings.controllers = client_settings.controller;
	relay_settings.certificate = client_settings.certificate;
	relay_settings.key = client_settings.key;
	relay_settings.authority = client_settings.authority;
	return daemon_run(prepare_relay, PART_RELAY);
}

static int run_up(const char *const *words)
{
	cleanup_free char *controller = memory_format("unix:%s", controller_settings.unix_socket);

	(void)words;
	agent_settings.controller = controller;
	return daemon_run(prepare_up, PART_CONTROLLER | PART_AGENT);
}

const struct command command_controller = {
	.name = "controller",
	.summary = "Run the controller in the foreground",
	.examples =
		"weft controller --listen 192.0.2.1:6640 --cert c.pem --key c.key --ca ca.pem\n",
	.options = (const struct option_spec *const[]){netns_options, store_options, tls_options,
		NULL},
	.run = run_controller,
};

const struct command command_agent = {
	.name = "agent",
	.summary = "Run the agent of this host in the foreground",
	.help = "What the kernel forwards, it goes on forwarding when the agent stops.",
	.examples = "weft agent --vtep 192.0.2.11 --controller https://192.0.2.1:6640 --cert "
		    "h1.pem ...\n",
	.options = (const struct option_spec *const[]){netns_options, agent_options, client_options,
		NULL},
	.run = run_agent,
};

const struct command command_relay = {
	.name = "relay",
	.summary = "Run a relay between controllers and the agents of many hosts",
	.help = "A controller has one stream to a relay, whatever number of hosts is behind it, "
		"and "
		"sends each object once. Agents are given the relay's address as --controller, and "
		"controllers or other relays after it.",
	.examples = "weft relay --name r1 --controller https://192.0.2.1:6640 --listen "
		    "192.0.2.9:6641 --cert r1.pem --key r1.key --ca ca.pem\n",
	.options = (const struct option_spec *const[]){netns_options, relay_options, client_options,
		NULL},
	.run = run_relay,
};

const struct command command_up = {
	.name = "up",
	.summary = "Run controller and agent on this machine, in one process",
	.help = "Without --vtep the host is reached at the address that its default route leaves "
		"from.",
	.examples = "weft up\n"
		    "weft up --netns lab --vtep 192.0.2.1 --store sqlite:/tmp/lab.db --socket "
		    "/tmp/lab.sock --state /sys/fs/bpf/lab\n",
	.options = (const struct option_spec *const[]){netns_options, store_options, tls_options,
		agent_options, NULL},
	.run = run_up,
};
