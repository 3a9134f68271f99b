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
/* The types of these two callbacks have no name in the library's header. */
typedef void *(*kae_mhd_uri_callback)(void *cls, const char *uri, struct MHD_Connection *c);
static inline intptr_t kae_mhd_uri_fn(kae_mhd_uri_callback f) { return (intptr_t)f; }
typedef size_t (*kae_mhd_unescape_callback)(void *cls, struct MHD_Connection *c, char *s);
static inline intptr_t kae_mhd_unescape_fn(kae_mhd_unescape_callback f) { return (intptr_t)f; }
static inline intptr_t kae_mhd_notify_connection_fn(MHD_NotifyConnectionCallback f) { return (intptr_t)f; }
/* MHD_get_connection_info answers with a union: read it here. */
static inline int kae_mhd_connection_fd(struct MHD_Connection *c) {
  const union MHD_ConnectionInfo *i = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
  return i ? (int)i->connect_fd : -1;
}
/* What NOTIFY_CONNECTION stored for this connection. */
static inline void *kae_mhd_socket_context(struct MHD_Connection *c) {
  const union MHD_ConnectionInfo *i = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  return i ? i->socket_context : NULL;
}
