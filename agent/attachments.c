// SPDX-License-Identifier: Apache-2.0
#include "attachments.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/table.h"
#include "setting.h"

struct attachment {
	uint32_t ifindex;
	char name[IFNAMSIZ];
	enum datapath_role role;
	bool wanted, attached;
	bool inherited; // a program of an agent before this one is on it
	bool quieted;   // IPv6 was on, and is off because of us
	char *failure;  // NULL: none
	UT_hash_handle hh;
};

struct attachments {
	struct datapath *datapath;
	struct attachment *table; // hash by ifindex
};

// ---- the host's own stack ----

static void quiet(struct attachment *attachment)
{
	if (setting_read("ipv6", attachment->name, "disable_ipv6") != '0')
		return;
	setting_write("ipv6", attachment->name, "disable_ipv6", '1');
	attachment->quieted = true;
}

static void restore(struct attachment *attachment)
{
	if (attachment->quieted)
		setting_write("ipv6", attachment->name, "disable_ipv6", '0');
	attachment->quieted = false;
}

// Who turned IPv6 off is not written anywhere; where devices have it by default, we did.
static bool seems_quieted(const char *name)
{
	return setting_read("ipv6", name, "disable_ipv6") == '1' &&
	       setting_read("ipv6", "default", "disable_ipv6") == '0';
}

void attachments_removed(const char *name)
{
	if (seems_quieted(name))
		setting_write("ipv6", name, "disable_ipv6", '0');
}

// The datapath asks the kernel for routes as from the loopback device, and is answered only where
// that device may forward. Nothing else comes in there that is not the host's own.
static void allow_routing(void)
{
	static const char *const families[] = {"ipv4", "ipv6"};
	for (size_t i = 0; i < array_count(families); i++) {
		if (setting_read(families[i], "lo", "forwarding") == '0')
			setting_write(families[i], "lo", "forwarding", '1');
	}
}

// ---- the table ----

static struct attachment *attachment_find(const struct attachments *attachments, uint32_t ifindex)
{
	struct attachment *attachment;
	HASH_FIND(hh, attachments->table, &ifindex, sizeof(ifindex), attachment);
	return attachment;
}

static void set_name(struct attachment *attachment, const char *name)
{
	snprintf(attachment->name, sizeof(attachment->name), "%s", name);
}

static struct attachment *attachment_get(
	struct attachments *attachments, uint32_t ifindex, const char *name)
{
	struct attachment *attachment = attachment_find(attachments, ifindex);
	if (!attachment) {
		attachment = memory_new(sizeof(*attachment));
		attachment->ifindex = ifindex;
		HASH_ADD(hh, attachments->table, ifindex, sizeof(ifindex), attachment);
	}
	set_name(attachment, name);
	return attachment;
}

static void attachment_free(struct attachments *attachments, struct attachment *attachment)
{
	HASH_DEL(attachments->table, attachment);
	free(attachment->failure);
	free(attachment);
}

void attachments_new(struct attachments **out, struct datapath *datapath)
{
	struct attachments *attachments = memory_new(sizeof(*attachments));
	attachments->datapath = datapath;
	*out = attachments;
}

void attachments_free(struct attachments *attachments)
{
	struct attachment *attachment, *next;
	if (!attachments)
		return;
	HASH_ITER (hh, attachments->table, attachment, next)
		attachment_free(attachments, attachment);
	free(attachments);
}

void attachments_adopt(struct attachments *attachments, uint32_t ifindex, const char *name)
{
	enum datapath_role role;
	if (datapath_found(attachments->datapath, ifindex, &role) != 1)
		return;
	struct attachment *attachment = attachment_get(attachments, ifindex, name);
	attachment->role = role;
	attachment->inherited = true;
	attachment->quieted = role == DATAPATH_PORT && seems_quieted(name);
}

void attachments_rename(struct attachments *attachments, uint32_t ifindex, const char *name)
{
	struct attachment *attachment = attachment_find(attachments, ifindex);
	if (attachment)
		set_name(attachment, name);
}

void attachments_forget(struct attachments *attachments, uint32_t ifindex)
{
	struct attachment *attachment = attachment_find(attachments, ifindex);
	if (attachment)
		attachment_free(attachments, attachment);
}

// ---- the difference ----

void attachments_begin(struct attachments *attachments)
{
	struct attachment *attachment, *next;
	HASH_ITER (hh, attachments->table, attachment, next)
		attachment->wanted = false;
}

void attachments_want(struct attachments *attachments, uint32_t ifindex, const char *name,
	enum datapath_role role)
{
	struct attachment *attachment = attachment_get(attachments, ifindex, name);
	attachment->wanted = true;
	if (attachment->role == role)
		return;
	// The other program replaces ours.
	restore(attachment);
	attachment->role = role;
	attachment->attached = false;
}

static int attach(
	struct attachments *attachments, struct attachment *attachment, struct error *error)
{
	struct error local = {0};
	if (attachment->role == DATAPATH_PORT)
		quiet(attachment);
	int result = datapath_attach(
		attachments->datapath, attachment->ifindex, attachment->role, &local);
	free(attachment->failure);
	attachment->failure = NULL;
	attachment->attached = !result;
	attachment->inherited = attachment->inherited && result;
	if (!result)
		return 0;
	attachment->failure = memory_format("device %s: %s", attachment->name, local.message);
	restore(attachment);
	return error_set(error, -result, "%s", attachment->failure);
}

// Take our program off, if it is on, and forget the device. A device that is gone needs nothing.
static void detach(struct attachments *attachments, struct attachment *attachment)
{
	struct error local = {0};
	if ((attachment->attached || attachment->inherited) &&
		datapath_detach(attachments->datapath, attachment->ifindex, &local))
		log_warning("device %s: %s", attachment->name, local.message);
	restore(attachment);
	attachment_free(attachments, attachment);
}

int attachments_end(struct attachments *attachments, bool audit, struct error *error)
{
	struct attachment *attachment, *next;
	int first = 0, repaired = 0;
	HASH_ITER (hh, attachments->table, attachment, next) {
		if (!attachment->wanted) {
			detach(attachments, attachment);
			continue;
		}
		if (attachment->role == DATAPATH_UNDERLAY && (audit || !attachment->attached))
			allow_routing();
		bool lost = audit && attachment->attached &&
			    datapath_attached(attachments->datapath, attachment->ifindex,
				    attachment->role) == 0;
		if (attachment->attached && !lost)
			continue;
		int result = attach(attachments, attachment, error);
		first = first ? first : result;
		if (lost && !result) {
			repaired++;
			log_warning("device %s: our program was gone, put back", attachment->name);
		}
	}
	return first ? first : repaired;
}

bool attachments_holds(const struct attachments *attachments, uint32_t ifindex)
{
	const struct attachment *attachment = attachment_find(attachments, ifindex);
	return attachment && (attachment->attached || attachment->inherited);
}

const char *attachments_failure(const struct attachments *attachments, uint32_t ifindex)
{
	const struct attachment *attachment = attachment_find(attachments, ifindex);
	return attachment ? attachment->failure : NULL;
}

const char *attachments_role(const struct attachments *attachments, uint32_t ifindex)
{
	const struct attachment *attachment = attachment_find(attachments, ifindex);
	if (!attachment || !attachment->attached)
		return NULL;
	return attachment->role == DATAPATH_UNDERLAY ? "underlay" : "port";
}
