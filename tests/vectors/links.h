// SPDX-License-Identifier: Apache-2.0
// Network namespaces, devices and packet sockets, straight from the kernel: no command is run, so that this works where there
// are none. All functions answer 0 or a file descriptor, or -errno.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "vectors.h"

// Enter a new, empty network namespace. IPv6 is off on devices made in it until a device asks for it.
int namespace_new(void);
int namespace_current(void);
int namespace_enter(int namespace);

// A veth pair that is up at both ends, the peer in another namespace. `mac` NULL: any.
int veth_new(const char *name, const struct mac *mac, const char *peer, int peer_namespace);
// The file descriptor of a tap that is up. Frames on it begin with a struct virtio_net_hdr.
int tap_new(const char *name);
int link_set_mtu(const char *name, uint32_t mtu);
int link_add_address(const char *name, const struct address *address, unsigned prefix_length);
int link_add_neighbor(const char *name, const struct address *address, const struct mac *mac);
// Write /proc/sys/net/PATH of the current namespace.
int sysctl_set(const char *path, const char *value);

// A packet socket on one device, of this namespace. Frames on it begin with a struct virtio_net_hdr.
int packet_socket(const char *name);

// Send one frame. `gso` is the payload of a segment of a TCP superpacket, 0: a packet.
int frame_send(int fd, const struct bytes *frame, uint32_t gso);
// Receive one frame, or -EAGAIN: there is none now.
int frame_receive(int fd, struct bytes *out, uint32_t *gso);
