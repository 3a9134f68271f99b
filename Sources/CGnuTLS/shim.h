#pragma once
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

/* Verifies the chain that the peer sent, for the purpose of a TLS client: trust, times, signatures and extended key usage.
 * Answers 0 when it is good, else another number; `status` tells why (gnutls_certificate_status_t). */
static inline int kae_gnutls_verify_client(gnutls_session_t session, unsigned int *status) {
  gnutls_typed_vdata_st data[1];
  data[0].type = GNUTLS_DT_KEY_PURPOSE_OID;
  data[0].data = (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT;
  data[0].size = 0;
  int code = gnutls_certificate_verify_peers(session, data, 1, status);
  return code < 0 ? code : (*status == 0 ? 0 : 1);
}

/* A variable that holds a function, which Swift takes for shared state. */
static inline void kae_gnutls_free(void *memory) { gnutls_free(memory); }
