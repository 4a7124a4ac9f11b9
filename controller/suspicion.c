// SPDX-License-Identifier: Apache-2.0
#include "suspicion.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"

int suspicion_bound(const json_t *report, const char *whole, const char *changed, size_t held,
	struct error *error)
{
	const json_t *list = json_object_get(report, whole);
	size_t count = (list ? json_array_size(list) : held) +
		       json_array_size(json_object_get(report, changed));
	if (count <= REPORT_ITEMS)
		return 0;
	error_set_field(error, "%s", list ? whole : changed);
	return error_set(error, EINVAL, "a host reports %d %s at most", REPORT_ITEMS, whole);
}

// Where the port is, if it is elsewhere and the host must know that.
static const struct port *placed_elsewhere(const struct controller *controller, const char *host,
	uint64_t realized, const json_t *item)
{
	const char *tenant = json_string_value(json_object_get(item, "tenant"));
	const char *name = json_string_value(json_object_get(item, "name"));
	const struct port *port =
		(struct port *)catalog_find(controller->catalog, MODEL_PORT, tenant, name);
	if (!port || !port->host || !strcmp(port->host, host) || port->object.revision > realized)
		return NULL;
	return port;
}

size_t suspicion_foreign_ports(const struct controller *controller, const char *host,
	uint64_t realized, const json_t *report)
{
	static const char *const lists[] = {"ports", "ports_changed"};
	const struct port *first = NULL;
	size_t count = 0, index;
	json_t *item;
	for (size_t i = 0; i < array_count(lists); i++)
		json_array_foreach (json_object_get(report, lists[i]), index, item) {
			const struct port *port =
				placed_elsewhere(controller, host, realized, item);
			count += port != NULL;
			first = first ? first : port;
		}
	if (first)
		log_warning("host %s reports on port %s of tenant %s, which is on host %s%s", host,
			first->object.name, first->object.tenant, first->host,
			count > 1 ? ", and on more that are elsewhere" : "");
	return count;
}
