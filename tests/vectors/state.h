// SPDX-License-Identifier: Apache-2.0
// What the kernel datapath with this state directory remembers of connections, made older, or forgotten: a test cannot turn the
// kernel's clock.
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "datapath/connection.h"

int state_age(const char *directory, uint32_t seconds, struct error *error);
int state_forget(const char *directory, struct error *error);
// Write what a tenant has: that is not forgotten with the rest.
int state_share(
	const char *directory, uint32_t tenant, const struct dp_share *share, struct error *error);
