// SPDX-License-Identifier: Apache-2.0
#include "verdict.h"

#include <string.h>

#include "base/memory.h"

// What is looked for in the answers of the hosts. All borrowed.
struct survey {
	json_t *reached;     // {"port", "host"}: new
	const json_t *host;  // the first whose answer lacks something, or says that it dropped
	const json_t *stage; // that dropped
	const json_t *problem_host;
	const json_t *answering; // the host where something went back to the sender
	const json_t *serving;   // where it was handed to a service
};

static const char *text(const json_t *json, const char *name)
{
	const char *value = json_string_value(json_object_get(json, name));
	return value ? value : "";
}

static const json_t *failed_stage(const json_t *host)
{
	size_t index;
	json_t *stage;
	json_array_foreach (json_object_get(host, "stages"), index, stage)
		if (*text(stage, "reason"))
			return stage;
	return NULL;
}

static const json_t *last_stage(const json_t *host)
{
	const json_t *stages = json_object_get(host, "stages");
	size_t count = json_array_size(stages);
	return count ? json_array_get(stages, count - 1) : NULL;
}

static void look_at_output(struct survey *survey, const json_t *host, const json_t *output)
{
	const char *port = json_string_value(json_object_get(output, "port"));
	if (json_is_true(json_object_get(output, "back")))
		survey->answering = survey->answering ? survey->answering : host;
	else if (port)
		json_array_append_new(survey->reached,
			json_pack("{s:s, s:s}", "port", port, "host", text(host, "host")));
}

bool verdict_answers(const json_t *host)
{
	return failed_stage(host) && !strcmp(text(host, "verdict"), "sent");
}

static void look_at_host(struct survey *survey, const json_t *host)
{
	size_t index;
	json_t *output;
	const json_t *outputs = json_object_get(host, "outputs");
	const json_t *failed = failed_stage(host);
	if (json_object_get(host, "problem") && !survey->problem_host)
		survey->problem_host = host;
	if (failed && !survey->stage) {
		survey->stage = failed;
		survey->host = host;
	}
	if (!failed && !json_array_size(outputs) &&
		!strcmp(text(last_stage(host), "stage"), "service"))
		survey->serving = host;
	if (verdict_answers(host) && !survey->answering)
		survey->answering = host;
	json_array_foreach (outputs, index, output)
		look_at_output(survey, host, output);
}

static bool has_reached(const struct survey *survey, const char *port)
{
	size_t index;
	json_t *place;
	json_array_foreach (survey->reached, index, place)
		if (!strcmp(text(place, "port"), port))
			return true;
	return false;
}

static char *places(const json_t *reached, const char *wanted)
{
	char *list = memory_text("");
	size_t index;
	json_t *place;
	json_array_foreach (reached, index, place) {
		if (wanted && strcmp(text(place, "port"), wanted))
			continue;
		char *longer = memory_format("%s%s%s on %s", list, *list ? ", " : "",
			text(place, "port"), text(place, "host"));
		free(list);
		list = longer;
	}
	return list;
}

// "by rule 3 (deny-all) of policy acme/policies/web, revision 42"; "at switch".
static char *cause(const json_t *stage)
{
	const json_t *rule = json_object_get(stage, "rule");
	json_int_t index = json_integer_value(json_object_get(rule, "index"));
	json_int_t revision = json_integer_value(json_object_get(stage, "revision"));
	const char *name = text(rule, "name"), *object = text(stage, "object");
	if (!rule || strncmp(text(stage, "reason"), "denied-",
			     7)) // the rule allowed it, and then something else was wrong
		return memory_format("at %s (%s)", text(stage, "stage"), text(stage, "reason"));
	if (index < 0)
		return memory_format("by the default of policy %s, revision %" JSON_INTEGER_FORMAT,
			object, revision);
	return memory_format("by rule %" JSON_INTEGER_FORMAT "%s%s%s of policy %s, revision "
			     "%" JSON_INTEGER_FORMAT,
		index + 1, *name ? " (" : "", name, *name ? ")" : "", object, revision);
}

static void set(json_t *trace, const char *verdict, char *summary)
{
	json_object_set_new(trace, "verdict", json_string(verdict));
	json_object_set_new(trace, "summary", json_string(summary));
	free(summary);
}

static void set_dropped(json_t *trace, const struct survey *survey)
{
	static const char *const taken[] = {
		"stage", "reason", "help", "object", "revision", "rule", NULL};
	cleanup_free char *why = cause(survey->stage);
	set(trace, "dropped",
		memory_format("dropped on %s %s: %s%s", text(survey->host, "host"), why,
			text(survey->stage, "help"),
			survey->answering ? "; the sender is told" : ""));
	json_object_set(trace, "host", json_object_get(survey->host, "host"));
	for (size_t i = 0; taken[i]; i++)
		if (json_object_get(survey->stage, taken[i]))
			json_object_set(trace, taken[i], json_object_get(survey->stage, taken[i]));
}

// A tenant's networks are never joined to those of another, which may use the same addresses.
static void add_stranger(json_t *trace)
{
	const char *from = text(trace, "from"), *to = text(trace, "to");
	size_t tenant = strcspn(from, "/") + 1;
	if (!*to || !strcmp(text(trace, "verdict"), "reaches") || !strncmp(from, to, tenant))
		return;
	cleanup_free char *summary = memory_text(text(trace, "summary"));
	set(trace, text(trace, "verdict"),
		memory_format("%s; %s is in another tenant's segment, and %s is not its address "
			      "here",
			summary, to, text(trace, "destination")));
}

static void judge(json_t *trace)
{
	struct survey survey = {.reached = json_array()};
	const char *wanted = json_string_value(json_object_get(trace, "to"));
	size_t index;
	json_t *host;
	json_array_foreach (json_object_get(trace, "hosts"), index, host)
		look_at_host(&survey, host);
	json_object_set_new(trace, "reached", survey.reached);

	bool any = json_array_size(survey.reached);
	cleanup_free char *all = places(survey.reached, NULL);
	if (wanted ? has_reached(&survey, wanted) : any) {
		cleanup_free char *where = places(survey.reached, wanted);
		set(trace, "reaches", memory_format("reaches %s", where));
	} else if (survey.problem_host) {
		set(trace, "unknown",
			memory_format("not known: host %s: %s", text(survey.problem_host, "host"),
				text(survey.problem_host, "problem")));
	} else if (survey.stage) {
		set_dropped(trace, &survey);
	} else if (any) {
		set(trace, "elsewhere", memory_format("reaches %s, and not %s", all, wanted));
	} else if (survey.answering) {
		set(trace, "answered",
			memory_format("answered on %s by the network itself",
				text(survey.answering, "host")));
	} else if (survey.serving) {
		set(trace, "answered",
			memory_format("handed to a service of the network on %s",
				text(survey.serving, "host")));
	} else {
		set(trace, "lost", memory_text("reaches nobody"));
	}
}

void verdict_add(json_t *trace)
{
	judge(trace);
	add_stranger(trace);
}
