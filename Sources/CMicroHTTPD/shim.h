#pragma once
#include <microhttpd.h>

/* MHD_start_daemon is variadic: every option travels in one MHD_OptionItem array. */
static inline struct MHD_Daemon *kae_mhd_start(
    unsigned int flags, uint16_t port, MHD_AccessHandlerCallback handler, void *handler_cls,
    struct MHD_OptionItem *items) {
  return MHD_start_daemon(flags, port, NULL, NULL, handler, handler_cls, MHD_OPTION_ARRAY, items, MHD_OPTION_END);
}
/* Function pointers travel in MHD_OptionItem as intptr_t. */
static inline intptr_t kae_mhd_completed_fn(MHD_RequestCompletedCallback f) { return (intptr_t)f; }
static inline intptr_t kae_mhd_notify_connection_fn(MHD_NotifyConnectionCallback f) { return (intptr_t)f; }
/* MHD_get_connection_info and MHD_get_daemon_info answer with a union: read it here. */
static inline const struct sockaddr *kae_mhd_client_address(struct MHD_Connection *c) {
  const union MHD_ConnectionInfo *i = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  return i ? i->client_addr : NULL;
}
static inline int kae_mhd_connection_fd(struct MHD_Connection *c) {
  const union MHD_ConnectionInfo *i = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
  return i ? (int)i->connect_fd : -1;
}
static inline unsigned int kae_mhd_connections(struct MHD_Daemon *d) {
  const union MHD_DaemonInfo *i = MHD_get_daemon_info(d, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
  return i ? i->num_connections : 0;
}
static inline uint16_t kae_mhd_port(struct MHD_Daemon *d) {
  const union MHD_DaemonInfo *i = MHD_get_daemon_info(d, MHD_DAEMON_INFO_BIND_PORT);
  return i ? i->port : 0;
}
