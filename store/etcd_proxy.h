// SPDX-License-Identifier: Apache-2.0
// For tests: between a client and etcd, to lose requests, or answers to requests that were carried
// out. Watches pass untouched.
#pragma once

struct etcd_proxy;

void etcd_proxy_start(struct etcd_proxy **out, unsigned short target);
void etcd_proxy_stop(struct etcd_proxy *proxy);
unsigned short etcd_proxy_port(const struct etcd_proxy *proxy);

// Of the next `count` requests: carry them out, but cut the connection instead of answering.
void etcd_proxy_cut(struct etcd_proxy *proxy, int count);
// The same, before they are carried out.
void etcd_proxy_swallow(struct etcd_proxy *proxy, int count);
// Either, of so many requests of a hundred, drawn at random.
void etcd_proxy_lose(struct etcd_proxy *proxy, int percent);
// From now on refuse new connections.
void etcd_proxy_refuse(struct etcd_proxy *proxy);
