// SPDX-License-Identifier: Apache-2.0
// etcd's leases: keys that are put with one go with it, when it is revoked or not renewed in time.
#pragma once

#include "client.h"

int lease_grant(struct etcd_client *client, unsigned seconds, int64_t *lease, struct error *error);
// For as long again as it was granted. -ENOENT: it is over.
int lease_renew(struct etcd_client *client, int64_t lease, struct error *error);
void lease_revoke(struct etcd_client *client, int64_t lease); // or it ends by itself

// Duties with one owner (store_lease): those that a handle owns.
struct duties;

void duties_new(struct duties **out, struct etcd_client *client, const char *prefix);
void duties_free(struct duties *duties); // gives all back
// As store_lease and store_release.
int duties_take(struct duties *duties, const char *name, unsigned seconds, struct error *error);
void duties_release(struct duties *duties, const char *name);
