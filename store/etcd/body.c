// SPDX-License-Identifier: Apache-2.0
#include "body.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "keys.h"
#include "lease.h"
#include "request.h"

enum {
	WHOLE_MOST = 1 << 19, // what may stand in the entry itself
	CLAIM_SECONDS = 60,
	RENEW_MS = 15000,
	BLOCK = 1 << 16,
	LEVEL = 1, // seven times as small already; higher levels cost more time than they save
};

// ---- writing ----

int body_begin(struct body_writer *writer, struct etcd_client *client, const char *prefix,
	struct error *error)
{
	*writer = (struct body_writer){.client = client, .prefix = prefix};
	etcd_id_draw(writer->header.id);
	if (deflateInit(&writer->stream, LEVEL) != Z_OK)
		return error_set(error, ENOMEM, "cannot set up compression");
	return 0;
}

static int claim(struct body_writer *writer, struct error *error)
{
	char key[ETCD_KEY];
	int result = lease_grant(writer->client, CLAIM_SECONDS, &writer->lease, error);
	if (result)
		return result;
	writer->renewed_ms = clock_monotonic_ms();
	json_t *put =
		json_pack("[o]", etcd_put(etcd_key_claim(key, writer->prefix, writer->header.id),
					 "writing", 7, writer->lease));
	return etcd_transact(writer->client, NULL, put, NULL, NULL, NULL, error);
}

static int write_piece(struct body_writer *writer, size_t length, struct error *error)
{
	char key[ETCD_KEY];
	int result = 0;
	etcd_client_start(writer->client);
	if (!writer->lease)
		result = claim(writer, error);
	else if (clock_monotonic_ms() - writer->renewed_ms > RENEW_MS)
		result = lease_renew(writer->client, writer->lease, error);
	if (result)
		return result;
	etcd_key_piece(key, writer->prefix, writer->header.id, writer->header.pieces);
	json_t *put = json_pack("[o]", etcd_put(key, writer->packed.data, length, 0));
	result = etcd_transact(writer->client, NULL, put, NULL, NULL, NULL, error);
	if (result)
		return result;
	writer->header.pieces++;
	bytes_drop(&writer->packed, length);
	return 0;
}

static void pack(struct body_writer *writer, const void *data, size_t length, int flush)
{
	unsigned char block[BLOCK];
	writer->stream.next_in = (unsigned char *)data;
	writer->stream.avail_in = (unsigned)length;
	do {
		writer->stream.next_out = block;
		writer->stream.avail_out = sizeof(block);
		deflate(&writer->stream, flush);
		bytes_append(&writer->packed, block, sizeof(block) - writer->stream.avail_out);
	} while (writer->stream.avail_out == 0);
}

int body_add(struct body_writer *writer, const struct store_entry *entry, struct error *error)
{
	int result = 0;
	writer->record.length = 0;
	record_append(&writer->record, entry);
	writer->header.records++;
	writer->header.size += writer->record.length;
	writer->header.check = (uint32_t)crc32(
		writer->header.check, writer->record.data, (unsigned)writer->record.length);
	pack(writer, writer->record.data, writer->record.length, Z_NO_FLUSH);
	while (result == 0 && writer->packed.length >= BODY_PIECE)
		result = write_piece(writer, BODY_PIECE, error);
	return etcd_settle(result, error);
}

int body_end(struct body_writer *writer, bool apart, struct error *error)
{
	int result = 0;
	pack(writer, NULL, 0, Z_FINISH);
	apart = apart || writer->header.pieces || writer->packed.length > WHOLE_MOST;
	while (apart && result == 0 && writer->packed.length)
		result = write_piece(writer,
			writer->packed.length < BODY_PIECE ? writer->packed.length : BODY_PIECE,
			error);
	return etcd_settle(result, error);
}

void body_done(struct body_writer *writer)
{
	deflateEnd(&writer->stream);
	bytes_done(&writer->packed);
	bytes_done(&writer->record);
	if (writer->lease)
		lease_revoke(writer->client, writer->lease);
	writer->lease = 0;
}

void body_claim(
	const struct body_writer *writer, const char *value, json_t *compares, json_t *success)
{
	char key[ETCD_KEY];
	if (!writer->header.pieces)
		return;
	etcd_key_claim(key, writer->prefix, writer->header.id);
	json_array_append_new(compares, etcd_if_exists(key, true));
	json_array_append_new(success, etcd_put(key, value, strlen(value), 0));
}

// ---- reading ----

struct unpacking {
	const struct etcd_header *header;
	struct record_reader reader;
	z_stream stream;
	uint64_t size;
	uint32_t check;
	bool ended;
	store_visit visit;
	void *context;
};

static int unpack(struct unpacking *unpacking, const void *data, size_t length)
{
	unsigned char block[BLOCK];
	unpacking->stream.next_in = (unsigned char *)data;
	unpacking->stream.avail_in = (unsigned)length;
	while (unpacking->stream.avail_in && !unpacking->ended) {
		unpacking->stream.next_out = block;
		unpacking->stream.avail_out = sizeof(block);
		int step = inflate(&unpacking->stream, Z_NO_FLUSH);
		if (step != Z_OK && step != Z_STREAM_END)
			return -EUCLEAN;
		size_t got = sizeof(block) - unpacking->stream.avail_out;
		unpacking->ended = step == Z_STREAM_END;
		unpacking->size += got;
		unpacking->check = (uint32_t)crc32(unpacking->check, block, (unsigned)got);
		if (unpacking->size > unpacking->header->size)
			return -EUCLEAN;
		int result = record_read(
			&unpacking->reader, block, got, unpacking->visit, unpacking->context);
		if (result)
			return result;
	}
	return unpacking->stream.avail_in ? -EUCLEAN : 0; // bytes behind the end
}

static int read_piece(struct etcd_client *client, const char *prefix, const char *id,
	unsigned number, struct bytes *piece, struct error *error)
{
	char key[ETCD_KEY];
	json_t *answer = NULL;
	etcd_client_start(client);
	int result = etcd_transact(client, NULL,
		json_pack("[o]", etcd_get(etcd_key_piece(key, prefix, id, number))), NULL, NULL,
		&answer, error);
	if (result)
		return etcd_settle(result, error);
	const json_t *item = json_array_get(etcd_read_of(answer, 0), 0);
	if (!item)
		result = error_set(error, ENOENT, "%s is not there", key);
	else if (etcd_read_value(item, piece))
		result = error_set(error, EUCLEAN, "%s is damaged", key);
	json_decref(answer);
	return result;
}

static int unpack_pieces(struct unpacking *unpacking, struct etcd_client *client,
	const char *prefix, struct error *error)
{
	cleanup_bytes struct bytes piece = {0};
	int result = 0;
	for (unsigned i = 0; result == 0 && i < unpacking->header->pieces; i++) {
		result = read_piece(client, prefix, unpacking->header->id, i, &piece, error);
		if (result == 0)
			result = unpack(unpacking, piece.data, piece.length);
	}
	return result;
}

static bool is_whole(const struct unpacking *unpacking)
{
	const struct etcd_header *header = unpacking->header;
	return unpacking->ended && unpacking->reader.pending.length == 0 &&
	       unpacking->reader.count == header->records && unpacking->size == header->size &&
	       unpacking->check == header->check;
}

int body_read(struct etcd_client *client, const char *prefix, const struct etcd_header *header,
	const void *packed, size_t length, store_visit visit, void *context, struct error *error)
{
	struct unpacking unpacking = {.header = header, .visit = visit, .context = context};
	int result;
	if (inflateInit(&unpacking.stream) != Z_OK)
		return error_set(error, ENOMEM, "cannot set up decompression");
	if (header->pieces)
		result = unpack_pieces(&unpacking, client, prefix, error);
	else
		result = unpack(&unpacking, packed, length);
	if (result == 0 && !is_whole(&unpacking))
		result = -EUCLEAN;
	if (result == -EUCLEAN)
		error_set(error, EUCLEAN, "its records are damaged");
	inflateEnd(&unpacking.stream);
	record_reader_done(&unpacking.reader);
	return result;
}
