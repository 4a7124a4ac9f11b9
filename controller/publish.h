// SPDX-License-Identifier: Apache-2.0
// A revision has come to be, by a write of our own or another controller's: show it.
#pragma once

#include "state.h"

// `transaction` has been prepared and withdrawn, or holds what others have decided: put it into
// the catalog, and tell agents, watches and those that wait for receipts. It is gone afterwards. A
// transaction that does not fit what is there ends the process, see news_take.
void publish(struct controller *controller, struct transaction *transaction, uint64_t revision);
