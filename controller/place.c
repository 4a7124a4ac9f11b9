// SPDX-License-Identifier: Apache-2.0
#include "place.h"

#include <errno.h>
#include <string.h>

#include "model/digest.h"
#include "number.h"

int place_read(const struct request *request, struct place *place, struct error *error)
{
	const char *history = request_parameter(request, "history");
	const char *since = request_parameter(request, "since");
	const char *digest = request_parameter(request, "digest");
	const char *attempt = request_parameter(request, "attempt");
	const char *patches = request_parameter(request, "patches");
	if (attempt && (number_parse(attempt, &place->attempt) < 0 || !place->attempt))
		return error_set(error, EINVAL, "attempt=%s is not a number from 1", attempt);
	if (patches && strcmp(patches, "1"))
		return error_set(error, EINVAL, "patches=%s should be patches=1", patches);
	place->patches = patches;
	if (!history && !since && !digest)
		return 0;
	if (!history || !since || !digest)
		return error_set(error, EINVAL,
			"a stream is resumed with history, since and digest, or none of them");
	if (number_parse(since, &place->revision) < 0)
		return error_set(error, EINVAL, "since=%s is no revision", since);
	if (digest_parse(digest, &place->digest) < 0)
		return error_set(error, EINVAL, "digest=%s is not 16 hexadecimal digits", digest);
	place->history = history;
	return 0;
}
