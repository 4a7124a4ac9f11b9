// SPDX-License-Identifier: Apache-2.0
// What a receipt does not say: hosts have realized a change as far as they can, and yet a port of it may
// not work, for its interface is not there or is no port.
#pragma once

#include "client.h"

// What is the matter with the ports that the server's `answer` to a write names, and with their hosts, as
// [{"object": "acme/ports/web1", "remark": "missing-device", "detail": "..."}]. A new reference. Of
// many ports only the first hundred are asked for; what cannot be read is left out.
json_t *remarks_collect(struct client *client, const json_t *answer);
// The same of the ports that this revision was the last to change; of a deployment with more than a
// thousand ports, nothing.
json_t *remarks_of_revision(struct client *client, uint64_t revision);
void remarks_print(const json_t *remarks);
