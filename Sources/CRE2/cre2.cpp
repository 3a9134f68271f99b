#include "cre2.h"

#include <cstdio>
#include <new>
#include <re2/re2.h>

struct kae_re2 {
  re2::RE2 expression;
  kae_re2(const re2::StringPiece &pattern, const re2::RE2::Options &options) : expression(pattern, options) {}
};

extern "C" struct kae_re2 *kae_re2_new(const uint8_t *pattern, size_t length, int64_t memory, char *error,
                                       size_t error_size) {
  re2::RE2::Options options(re2::RE2::POSIX);
  options.set_log_errors(false);
  options.set_max_mem(memory);
  auto *made = new (std::nothrow) kae_re2(re2::StringPiece(length == 0 ? "" : reinterpret_cast<const char *>(pattern), length), options);
  if (made == nullptr) {
    std::snprintf(error, error_size, "out of memory");
    return nullptr;
  }
  if (made->expression.ok()) return made;
  std::snprintf(error, error_size, "%s", made->expression.error().c_str());
  delete made;
  return nullptr;
}

extern "C" void kae_re2_free(struct kae_re2 *expression) { delete expression; }

extern "C" int kae_re2_matches(const struct kae_re2 *expression, const uint8_t *text, size_t length) {
  re2::StringPiece piece(length == 0 ? "" : reinterpret_cast<const char *>(text), length);
  return re2::RE2::FullMatchN(piece, expression->expression, nullptr, 0) ? 1 : 0;
}
