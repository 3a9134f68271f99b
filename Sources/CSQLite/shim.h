#pragma once
#include <sqlite3.h>

/* SQLITE_TRANSIENT, "copy it now", is a cast that Swift does not see. A length of 0 is an empty value, never NULL. */
static inline int kae_bind_text(sqlite3_stmt *s, int at, const void *bytes, long long count) {
  return sqlite3_bind_text64(s, at, count ? (const char *)bytes : "", count, SQLITE_TRANSIENT, SQLITE_UTF8);
}
static inline int kae_bind_blob(sqlite3_stmt *s, int at, const void *bytes, long long count) {
  return count ? sqlite3_bind_blob64(s, at, bytes, count, SQLITE_TRANSIENT) : sqlite3_bind_zeroblob(s, at, 0);
}
