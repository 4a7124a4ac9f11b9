// SPDX-License-Identifier: Apache-2.0
// Small packets made by hand on a raw socket, so that each may come from a port of its own without
// a socket for each: UDP as fast as it goes, and floods at a given rate.
#include "load.h"

#include <errno.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, PAYLOAD = 18 }; // 18 bytes of UDP make the smallest Ethernet frame
enum { FIRST_PORT = 1024, SOURCE_PORTS = 65536 - FIRST_PORT };

struct frame {
	struct ip ip;
	union {
		struct {
			struct udphdr header;
			char payload[PAYLOAD];
		} udp;
		struct tcphdr tcp;
	};
} __attribute__((packed));

struct sender {
	int fd;
	struct frame frames[BATCH];
	struct iovec parts[BATCH];
	struct mmsghdr messages[BATCH];
};

static struct in_addr own_address(const struct sockaddr_in *to)
{
	struct sockaddr_in own;
	socklen_t length = sizeof(own);
	int fd = socket_new(SOCK_DGRAM);

	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0 ||
		getsockname(fd, (struct sockaddr *)&own, &length) < 0)
		fail("own address");
	close(fd);
	return own.sin_addr;
}

static void sender_init(struct sender *sender, const struct load *load, uint8_t protocol)
{
	struct in_addr own = own_address(&load->to);
	size_t length =
		sizeof(struct ip) +
		(protocol == IPPROTO_TCP ? sizeof(struct tcphdr) : sizeof(struct udphdr) + PAYLOAD);

	*sender = (struct sender){.fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW)};
	if (sender->fd < 0 ||
		connect(sender->fd, (const struct sockaddr *)&load->to, sizeof(load->to)) < 0)
		fail("raw socket");
	for (int i = 0; i < BATCH; i++) {
		sender->frames[i].ip = (struct ip){.ip_hl = 5,
			.ip_v = 4,
			.ip_ttl = 64,
			.ip_p = protocol,
			.ip_len = htons((uint16_t)length),
			.ip_off = htons(IP_DF),
			.ip_src = own,
			.ip_dst = load->to.sin_addr};
		sender->parts[i] = (struct iovec){&sender->frames[i], length};
		sender->messages[i].msg_hdr =
			(struct msghdr){.msg_iov = &sender->parts[i], .msg_iovlen = 1};
	}
}

static uint32_t sum_words(const void *data, size_t length, uint32_t sum)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < length; i += 2)
		sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
	return sum;
}

// RFC 768, RFC 793: over the addresses, the protocol, the length, and all that follows.
static uint16_t checksum(const struct frame *frame, const void *from, size_t length)
{
	uint32_t sum = sum_words(&frame->ip.ip_src, 8, frame->ip.ip_p + (uint32_t)length);

	sum = sum_words(from, length, sum);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)(sum == 0xffff ? sum : ~sum));
}

static void fill_udp(struct frame *frame, uint16_t source, uint16_t destination)
{
	frame->udp.header = (struct udphdr){.uh_sport = htons(source),
		.uh_dport = htons(destination),
		.uh_ulen = htons(sizeof(frame->udp))};
	frame->udp.header.uh_sum = checksum(frame, &frame->udp, sizeof(frame->udp));
}

static void fill_syn(struct frame *frame, uint16_t source, uint16_t destination, uint32_t sequence)
{
	frame->tcp = (struct tcphdr){.th_sport = htons(source),
		.th_dport = htons(destination),
		.th_seq = htonl(sequence),
		.th_off = 5,
		.th_flags = TH_SYN,
		.th_win = htons(65535)};
	frame->tcp.th_sum = checksum(frame, &frame->tcp, sizeof(frame->tcp));
}

static void sender_send(struct sender *sender, unsigned count)
{
	if (sendmmsg(sender->fd, sender->messages, count, 0) < 0 && errno != ENOBUFS &&
		errno != EAGAIN)
		fail("sendmmsg");
}

// Let the server answer once, so that whoever follows connections takes the flow for established.
static void establish(const struct load *load)
{
	struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(FIRST_PORT)};
	struct timeval patience = {.tv_usec = 100000};
	int fd = socket_new(SOCK_DGRAM);
	char byte = REQUEST_ECHO;

	set_blocking(fd);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (bind(fd, (struct sockaddr *)&own, sizeof(own)) < 0 ||
		connect(fd, (const struct sockaddr *)&load->to, sizeof(load->to)) < 0)
		fail("socket of the flow");
	for (int i = 0; i < 20; i++)
		if (send(fd, &byte, 1, 0) == 1 && recv(fd, &byte, 1, 0) == 1)
			return; // the socket stays open, and with it the port
	fail("answer to the first datagram");
}

int datagram_run(const struct load *load)
{
	static struct sender sender;
	uint16_t port = ntohs(load->to.sin_port);
	uint64_t tuple = load->first;
	struct ask ask;

	sender_init(&sender, load, IPPROTO_UDP);
	if (load->one_tuple)
		establish(load);
	for (unsigned i = 0; i < BATCH; i++)
		fill_udp(&sender.frames[i], FIRST_PORT, port);
	ask_start(&ask, load);
	while (ask_step(&ask)) {
		for (unsigned i = 0; i < BATCH && !load->one_tuple; i++, tuple++)
			fill_udp(&sender.frames[i], (uint16_t)(FIRST_PORT + tuple % SOURCE_PORTS),
				(uint16_t)(port + tuple / SOURCE_PORTS % DATAGRAM_PORTS));
		sender_send(&sender, BATCH);
	}
	uint64_t datagrams = ask.last.datagrams - ask.first.datagrams;
	printf("{\"packets_per_second\": %.1f, \"seconds\": %.4f, \"next\": %llu}\n",
		(double)datagrams / ask_seconds(&ask), ask_seconds(&ask),
		(unsigned long long)tuple);
	return 0;
}

// ---- floods ----

static void flood_fill(struct sender *sender, const struct load *load, unsigned count)
{
	uint16_t ports[BATCH][2];

	if (getrandom(ports, sizeof(ports), 0) < 0)
		fail("getrandom");
	for (unsigned i = 0; i < count; i++) {
		uint16_t source = ports[i][0] | FIRST_PORT;
		if (load->syn)
			fill_syn(&sender->frames[i], source, ntohs(load->to.sin_port), ports[i][1]);
		else
			fill_udp(&sender->frames[i], source, ports[i][1] | FIRST_PORT);
	}
}

// How many a flood should have sent after so long.
static uint64_t flood_due(const struct load *load, uint64_t sent, uint64_t nanoseconds)
{
	return load->rate ? nanoseconds * load->rate / 1000000000u : sent + BATCH;
}

// `rate` packets a second, in one small burst every half a millisecond; or one burst after the other.
int flood_run(const struct load *load)
{
	static struct sender sender;
	static const uint64_t TURN_NS = 500000;
	uint64_t start = now_ns(), end = start + nanoseconds(load->seconds), sent = 0;

	sender_init(&sender, load, load->syn ? IPPROTO_TCP : IPPROTO_UDP);
	for (uint64_t now = start; now < end; now = now_ns()) {
		uint64_t due = flood_due(load, sent, now - start);
		while (sent < due) {
			unsigned count = due - sent < BATCH ? (unsigned)(due - sent) : BATCH;
			flood_fill(&sender, load, count);
			sender_send(&sender, count);
			sent += count;
		}
		if (load->rate)
			nanosleep(&(struct timespec){.tv_nsec = TURN_NS}, NULL);
	}
	printf("{\"packets_per_second\": %.1f, \"packets\": %llu}\n",
		(double)sent * 1e9 / (double)(now_ns() - start), (unsigned long long)sent);
	return 0;
}
