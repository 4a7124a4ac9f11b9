// SPDX-License-Identifier: Apache-2.0
#include "location.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { ENDPOINTS = 16, PREFIX_LENGTH = 64, TIMEOUT_SECONDS = 5, TIMEOUT_MOST_SECONDS = 60 };

// A part of the URL that must not be there.
static bool has_part(CURLU *url, CURLUPart part, const char *empty)
{
	char *text = NULL;
	bool has = curl_url_get(url, part, &text, 0) == 0 && strcmp(text, empty) != 0;
	curl_free(text);
	return has;
}

static int parse_endpoint(char **out, const char *text, struct error *error)
{
	CURLU *url = curl_url();
	char *scheme = NULL, *host = NULL, *port = NULL;
	int result = 0;
	if (curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) ||
		curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) ||
		curl_url_get(url, CURLUPART_HOST, &host, 0) ||
		(strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
		result = error_set(error, EINVAL,
			"\"%s\" is no member of etcd: write http://HOST:PORT or https://HOST:PORT",
			text);
	else if (has_part(url, CURLUPART_PATH, "/") || has_part(url, CURLUPART_USER, "") ||
		 has_part(url, CURLUPART_FRAGMENT, ""))
		result = error_set(error, EINVAL,
			"member \"%s\" of etcd must be %s://HOST:PORT and nothing more", text,
			scheme);
	else if (curl_url_get(url, CURLUPART_PORT, &port, 0))
		result = error_set(error, EINVAL, "member \"%s\" of etcd has no port", text);
	else
		*out = memory_format("%s://%s:%s", scheme, host, port);
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(url);
	return result;
}

static bool is_secure(const char *endpoint)
{
	return strncmp(endpoint, "https:", 6) == 0;
}

static int parse_endpoints(struct etcd_location *location, char *text, struct error *error)
{
	char *rest = text, *part;
	while ((part = strsep(&rest, ","))) {
		if (location->endpoint_count == ENDPOINTS)
			return error_set(
				error, EINVAL, "more than %d members of etcd", (int)ENDPOINTS);
		char **endpoint = &location->endpoints[location->endpoint_count];
		int result = parse_endpoint(endpoint, part, error);
		if (result)
			return result;
		location->endpoint_count++;
		if (is_secure(*endpoint) != is_secure(location->endpoints[0]))
			return error_set(
				error, EINVAL, "the members of etcd must be all http or all https");
	}
	return 0;
}

// No slash: the keys of one store must not lie among those of another.
static int check_prefix(const char *prefix, struct error *error)
{
	size_t length = strlen(prefix);
	bool valid = length > 0 && length <= PREFIX_LENGTH;
	for (size_t i = 0; valid && i < length; i++)
		valid = prefix[i] > ' ' && prefix[i] < 0x7f && prefix[i] != '/';
	return valid ? 0
		     : error_set(error, EINVAL,
			       "prefix \"%s\" of a store on etcd: at most %d printable characters "
			       "of ASCII, without /",
			       prefix, (int)PREFIX_LENGTH);
}

struct parsing {
	struct etcd_location *location;
	char *timeout; // NULL: not given
};

static int parse_option(struct parsing *parsing, const char *text, struct error *error)
{
	static const char *const names[] = {"prefix", "ca", "cert", "key", "timeout"};
	struct etcd_location *location = parsing->location;
	char **const targets[] = {&location->prefix, &location->authority, &location->certificate,
		&location->key, &parsing->timeout};
	size_t length = strcspn(text, "="), which = 0;
	while (which < array_count(names) &&
		(strncmp(text, names[which], length) != 0 || names[which][length]))
		which++;
	if (which == array_count(names) || !text[length] || !text[length + 1])
		return error_set(error, EINVAL,
			"option \"%s\" of a store on etcd: write prefix=PREFIX, ca=FILE, "
			"cert=FILE, key=FILE or timeout=SECONDS",
			text);
	if (*targets[which])
		return error_set(
			error, EINVAL, "option %s of a store on etcd is given twice", names[which]);
	char *value = curl_easy_unescape(NULL, text + length + 1, 0, NULL);
	*targets[which] = memory_text(value);
	curl_free(value);
	return 0;
}

static int check_timeout(struct etcd_location *location, const char *text, struct error *error)
{
	char *end = "";
	unsigned long seconds = text ? strtoul(text, &end, 10) : TIMEOUT_SECONDS;
	if (*end || seconds < 1 || seconds > TIMEOUT_MOST_SECONDS)
		return error_set(error, EINVAL,
			"timeout \"%s\" of a store on etcd: seconds, from 1 to %d", text,
			(int)TIMEOUT_MOST_SECONDS);
	location->timeout_ms = seconds * 1000;
	return 0;
}

static int check_options(struct etcd_location *location, struct error *error)
{
	if (!location->prefix)
		location->prefix = memory_text("weft");
	if ((location->authority || location->certificate || location->key) &&
		!is_secure(location->endpoints[0]))
		return error_set(
			error, EINVAL, "ca, cert and key of a store on etcd are for https only");
	if (!location->certificate != !location->key)
		return error_set(error, EINVAL, "cert and key of a store on etcd belong together");
	return check_prefix(location->prefix, error);
}

static int parse_options(struct etcd_location *location, char *text, struct error *error)
{
	struct parsing parsing = {.location = location};
	char *part;
	int result = 0;
	while (result == 0 && (part = strsep(&text, "&")))
		result = parse_option(&parsing, part, error);
	if (result == 0)
		result = check_timeout(location, parsing.timeout, error);
	free(parsing.timeout);
	return result ? result : check_options(location, error);
}

int etcd_location_parse(struct etcd_location **out, const char *text, struct error *error)
{
	struct etcd_location *location = memory_new(sizeof(*location));
	location->endpoints = memory_resize(NULL, ENDPOINTS, sizeof(*location->endpoints));
	cleanup_free char *copy = memory_text(text);
	char *options = copy, *endpoints = strsep(&options, "?");
	int result = parse_endpoints(location, endpoints, error);
	if (result == 0)
		result = parse_options(location, options, error);
	if (result) {
		etcd_location_free(location);
		return result;
	}
	*out = location;
	return 0;
}

void etcd_location_free(struct etcd_location *location)
{
	if (!location)
		return;
	for (size_t i = 0; i < location->endpoint_count; i++)
		free(location->endpoints[i]);
	free(location->endpoints);
	free(location->prefix);
	free(location->authority);
	free(location->certificate);
	free(location->key);
	free(location);
}
