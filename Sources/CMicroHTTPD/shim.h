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
/* How many bytes the head of a request has, from its method on; 0 where the library itself is strict about its form, as
 * MHD_OPTION_STRICT_FOR_CLIENT makes it from 1.0 on. */
static inline size_t kae_mhd_head_size(struct MHD_Connection *c) {
#if MHD_VERSION >= 0x00097701
  (void)c;
  return 0;
#else
  const union MHD_ConnectionInfo *i = MHD_get_connection_info(c, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
  return i ? i->header_size : 0;
#endif
}
/* The connection's gnutls_session_t; NULL without TLS. */
static inline struct gnutls_session_int *kae_mhd_tls_session(struct MHD_Connection *c) {
  const union MHD_ConnectionInfo *i = MHD_get_connection_info(c, MHD_CONNECTION_INFO_GNUTLS_SESSION);
  return i ? (struct gnutls_session_int *)i->tls_session : NULL;
}
/* Makes every handshake fail that was not prepared with credentials of its own. A gnutls_certificate_retrieve_function2,
 * whose types this header does not know. */
static inline int kae_mhd_no_certificate(
    void *session, const void *names, int names_count, const void *algorithms, int algorithms_count, void **certificates,
    unsigned int *certificates_count, void **key) {
  return -1;
}
static inline void *kae_mhd_no_certificate_fn(void) { return (void *)kae_mhd_no_certificate; }
/* The client's IP address, IPv4 mapped into IPv6, into 16 bytes; zeros when it is not known. By offsets, because a module
 * that includes <netinet/in.h> would take its types away from Glibc: 4 is that of sin_addr, 8 that of sin6_addr. */
static inline void kae_mhd_client_address(struct MHD_Connection *c, unsigned char *out) {
  const union MHD_ConnectionInfo *i = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  for (int at = 0; at < 16; at++) out[at] = 0;
  if (!i || !i->client_addr) return;
  const unsigned char *raw = (const unsigned char *)i->client_addr;
  if (i->client_addr->sa_family == AF_INET6) {
    for (int at = 0; at < 16; at++) out[at] = raw[8 + at];
  } else if (i->client_addr->sa_family == AF_INET) {
    out[10] = out[11] = 0xff;
    for (int at = 0; at < 4; at++) out[12 + at] = raw[4 + at];
  }
}
/* What NOTIFY_CONNECTION stored for this connection. */
static inline void *kae_mhd_socket_context(struct MHD_Connection *c) {
  const union MHD_ConnectionInfo *i = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  return i ? i->socket_context : NULL;
}
