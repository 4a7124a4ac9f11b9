// SPDX-License-Identifier: Apache-2.0
// Router advertisements unasked (RFC 4861, section 6.2.4), to each port of this host by itself: at once when there is something new to
// say, a few times soon after, then from time to time.
#pragma once

#include <uv.h>

#include "compile/compile.h"
#include "directory.h"
#include "sender.h"

struct advertiser;

// All are borrowed.
void advertiser_new(struct advertiser **out, uv_loop_t *loop, const struct directory *directory,
	const struct compiler *compiler, struct sender *sender);
void advertiser_free(struct advertiser *advertiser);
// Ports, devices or what is said to them may have changed. What is due goes out in this turn of the loop or the next.
void advertiser_refresh(struct advertiser *advertiser);
// How many went out.
uint64_t advertiser_sent(const struct advertiser *advertiser);
