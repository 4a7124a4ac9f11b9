// SPDX-License-Identifier: Apache-2.0
// Texts that many hold at once, as the name of a network that a thousand ports are on: there is one
// copy of each, and its holders are counted. For one thread: all that share texts are in it.
#pragma once

// The one copy of this text, held once more; NULL gives NULL. Cost: a look-up in
// a hash table; a new text takes its length and about 30 bytes.
const char *text_share(const char *text);
// Of text_share; it goes with its last holder. NULL is fine.
void text_release(const char *text);
