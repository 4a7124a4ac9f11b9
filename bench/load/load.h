// SPDX-License-Identifier: Apache-2.0
// weft-load: the loads of the benchmark, each bounded in time, on one CPU, with one JSON object as
// its answer. The parts:
//
//   main.c      the command line
//   net.c       addresses, sockets, clock
//   serve.c     the other end of all loads
//   ask.c       what the other end has counted so far
//   stream.c    bulk TCP
//   request.c   request-response; connect-request-close
//   datagram.c  small UDP packets; floods
//
// A rate is what the server counted between two of its answers, divided by the time between them on
// the server's clock: what the client has sent does not matter.
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DATAGRAM_PORTS = 256 }; // the server counts what arrives at `port` and those that follow

struct load {
	struct sockaddr_in to; // the server
	double seconds;
	unsigned parallel;   // streams, or connections at a time
	uint64_t first;      // of the tuples
	bool one_tuple, syn; // datagrams
	unsigned rate;       // packets a second of a flood; 0: as many as go
};

// What the first byte on a connection asks the server for.
enum request {
	REQUEST_ECHO = 'e',  // send each byte back
	REQUEST_ONCE = 'o',  // send the byte back, and close
	REQUEST_SINK = 's',  // count the bytes
	REQUEST_COUNT = 'c', // answer each byte with a struct count
};

// In the byte order of the machine: both ends are one.
struct count {
	uint64_t time_ns, bytes, datagrams;
};

int serve(uint16_t port);
int stream_run(const struct load *load);
int request_run(const struct load *load);
int connect_run(const struct load *load);
int datagram_run(const struct load *load);
int flood_run(const struct load *load);

// ---- net.c: what fails ends the program ----

_Noreturn void fail(const char *what);
uint64_t now_ns(void);
uint64_t nanoseconds(double seconds);
// Non-blocking; TCP without delay.
int socket_new(int type);
// Connected, and the request sent.
int request_open(const struct sockaddr_in *to, enum request request);
void set_blocking(int fd);

// ---- ask.c ----

// Counts at the start and the end of the measured time, asked for while the load goes on.
struct ask {
	int fd;
	enum { ASK_WARM, ASK_FIRST, ASK_RUN, ASK_LAST, ASK_DONE } state;
	uint64_t next_ns, length_ns, give_up_ns;
	struct count first, last;
	size_t have; // bytes of the answer under way
};

void ask_start(struct ask *ask, const struct load *load);
// To be called often. False: the load is over.
bool ask_step(struct ask *ask);
double ask_seconds(const struct ask *ask);
