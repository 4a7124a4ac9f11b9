// SPDX-License-Identifier: Apache-2.0
#include "view.h"

#include <errno.h>
#include <string.h>
#include <utstring.h>

#include "base/memory.h"
#include "model/schema.h"
#include "output.h"

// So many values of a list stand in a cell of a narrow table; of more, one less and how many more.
enum { LIST_SHOWN = 4 };

const char *view_state(const json_t *item)
{
	const json_t *status = json_object_get(item, "status");
	const json_t *connected = json_object_get(status, "connected");

	if (connected)
		return json_is_true(connected) ? "connected" : "offline";
	return json_string_value(json_object_get(status, "state"));
}

const char *view_problem(const json_t *item)
{
	const json_t *status = json_object_get(item, "status");

	return json_string_value(json_object_get(status, "problem"));
}

enum table_colour view_state_colour(const char *state)
{
	if (!state || !strcmp(state, "unplaced") || !strcmp(state, "unmanaged"))
		return TABLE_FAINT;
	if (!strcmp(state, "realized") || !strcmp(state, "connected"))
		return TABLE_GOOD;
	return strcmp(state, "pending") ? TABLE_BAD : TABLE_WARN;
}

// ---- cells ----

// What a value of a list is called: a text, or the network that an object of it joins.
static const char *item_name(const json_t *item)
{
	return json_string_value(json_is_object(item) ? json_object_get(item, "network") : item);
}

// "web,db", "web,db,app,+7"; NULL if not all values have names.
static char *join(const json_t *list, size_t most)
{
	size_t count = json_array_size(list), shown = count > most ? most - 1 : count;
	UT_string text;

	utstring_init(&text);
	for (size_t i = 0; i < shown; i++) {
		const char *name = item_name(json_array_get(list, i));
		if (!name) {
			utstring_done(&text);
			return NULL;
		}
		utstring_printf(&text, "%s%s", i ? "," : "", name);
	}
	if (shown < count)
		utstring_printf(&text, ",+%zu", count - shown);
	return utstring_body(&text);
}

char *view_cell(const json_t *object, const char *field, bool wide)
{
	const json_t *value = json_object_get(object, field);
	char *text = NULL;

	if (json_array_size(value)) {
		text = join(value, wide ? SIZE_MAX : LIST_SHOWN);
		if (!text)
			text = memory_format("%zu", json_array_size(value));
	}
	return text ? text : model_field_text(object, field);
}

// ---- tables ----

// "unknown_unicast" -> "UNKNOWN-UNICAST": a header of one word, so that other programs can split
// it.
static void add_column(struct table *table, const char *field)
{
	cleanup_free char *name = memory_text(field);

	for (char *at = name; *at; at++)
		*at = *at == '_' ? '-' : (char)(*at >= 'a' && *at <= 'z' ? *at - 32 : *at);
	table_column(table, name);
}

void view_open(struct view *view)
{
	table_new(&view->table, output_coloured(stdout));
	if (view->events)
		add_column(view->table, "event");
	if (view->tenants)
		add_column(view->table, "tenant");
	add_column(view->table, "name");
	for (const char *const *column = model_columns(view->kind, view->wide); *column; column++)
		add_column(view->table, *column);
	if (view->states)
		add_column(view->table, "state");
	if (view->wide)
		add_column(view->table, "revision");
	if (view->wide && view->problems)
		add_column(view->table, "problem");
}

// What is left of an object that is gone is its name.
static bool is_gone(const char *event)
{
	return event && !strcmp(event, "delete");
}

int view_add(struct view *view, const char *event, const json_t *item, struct error *error)
{
	const char *tenant = json_string_value(json_object_get(item, "tenant"));
	const char *name = json_string_value(json_object_get(item, "name"));
	bool gone = is_gone(event);

	if (!name || (view->tenants && !tenant))
		return error_set(error, EPROTO, "the controller answers an object without a name");
	table_row(view->table);
	if (view->events)
		table_cell(view->table, event, is_gone(event) ? TABLE_BAD : TABLE_PLAIN);
	if (view->tenants)
		table_cell(view->table, tenant, TABLE_PLAIN);
	table_cell(view->table, name, TABLE_PLAIN);
	for (const char *const *column = model_columns(view->kind, view->wide); *column; column++) {
		cleanup_free char *text = gone ? NULL : view_cell(item, *column, view->wide);
		table_cell(view->table, text, TABLE_PLAIN);
	}
	if (view->states)
		table_cell(view->table, view_state(item), view_state_colour(view_state(item)));
	if (view->wide) {
		cleanup_free char *revision = gone ? NULL : model_field_text(item, "revision");
		table_cell(view->table, revision, TABLE_PLAIN);
	}
	if (view->wide && view->problems)
		table_cell(view->table, gone ? NULL : view_problem(item), TABLE_BAD);
	return 0;
}
