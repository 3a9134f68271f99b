// A yardstick: what a careful C++ program gets from simdjson's On-Demand interface on the same work. Each event is
// parsed whole, twelve fields are taken from it, and requests are counted by verb, resource and code, refusals by user
// and last source IP, server errors and RBAC changes.
//
// Nothing here is slower than it needs to be: blocks of 256 KiB go through iterate_many (one pass of structural
// indexing for many lines), strings stay where they are (raw tokens; escapes are undone only when printed), and
// counters are open addressing over raw bytes. simdjson chooses the kernel of its first stage when it runs, that of
// On-Demand when it is compiled: build it with -march=haswell and with -march=native.
//
// usage: count_simdjson FILE      prints totals, tab-separated: name, labels..., value
#include <fcntl.h>
#include <simdjson.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace od = simdjson::ondemand;
using std::string_view;

namespace {

// Counts by key bytes. Keys lie in one arena; the table is grown at half full.
class Counter {
 public:
  Counter() : slots_(1024) {}

  void add(string_view key) {
    uint64_t hash = hash_of(key);
    size_t mask = slots_.size() - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
      Slot &slot = slots_[at];
      if (slot.count == 0) {
        slot = {hash, arena_.size(), key.size(), 1};
        arena_.append(key);
        if (++used_ * 2 > slots_.size()) grow();
        return;
      }
      if (slot.hash == hash && string_view(arena_).substr(slot.offset, slot.length) == key) {
        ++slot.count;
        return;
      }
    }
  }

  template <typename Visit>
  void each(Visit visit) const {
    for (const Slot &slot : slots_) {
      if (slot.count != 0) visit(string_view(arena_).substr(slot.offset, slot.length), slot.count);
    }
  }

 private:
  struct Slot {
    uint64_t hash = 0;
    size_t offset = 0, length = 0;
    uint64_t count = 0;
  };

  static uint64_t hash_of(string_view key) {
    uint64_t hash = 0x9e3779b97f4a7c15u ^ key.size();
    const char *at = key.data();
    size_t left = key.size();
    for (; left >= 8; at += 8, left -= 8) hash = mix(hash, at, 8);
    return left == 0 ? hash : mix(hash, at, left);
  }

  static uint64_t mix(uint64_t hash, const char *at, size_t count) {
    uint64_t word = 0;
    memcpy(&word, at, count);
    unsigned __int128 product = static_cast<unsigned __int128>(hash ^ word) * 0xd6e8feb86659fd93u;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  }

  void grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    size_t mask = slots_.size() - 1;
    for (const Slot &slot : old) {
      if (slot.count == 0) continue;
      size_t at = slot.hash & mask;
      while (slots_[at].count != 0) at = (at + 1) & mask;
      slots_[at] = slot;
    }
  }

  std::vector<Slot> slots_;
  std::string arena_;
  size_t used_ = 0;
};

// The bytes between a string's quotes, as they stand in the file.
string_view text_of(string_view token) {
  if (token.size() < 2 || token[0] != '"') return {};
  size_t end = token.find_last_of('"');
  return end == 0 ? string_view() : token.substr(1, end - 1);
}

struct Fields {
  string_view level, audit_id, stage, uri, verb, user, source_ip, resource, group, subresource, stage_time;
  int64_t code = 0;
};

void read_user(od::object user, Fields &fields) {
  for (auto field : user) {
    if (field.key() == "username") {
      fields.user = text_of(field.value().raw_json_token());
      return;
    }
  }
}

void read_target(od::object target, Fields &fields) {
  for (auto field : target) {
    od::raw_json_string key = field.key();
    if (key == "resource") fields.resource = text_of(field.value().raw_json_token());
    else if (key == "apiGroup") fields.group = text_of(field.value().raw_json_token());
    else if (key == "subresource") fields.subresource = text_of(field.value().raw_json_token());
  }
}

void read_event(od::object event, Fields &fields) {
  for (auto field : event) {
    od::raw_json_string key = field.key();
    switch (*key.raw()) {
      case 'a':
        if (key == "auditID") fields.audit_id = text_of(field.value().raw_json_token());
        break;
      case 'l':
        if (key == "level") fields.level = text_of(field.value().raw_json_token());
        break;
      case 'o':
        if (key == "objectRef") read_target(field.value(), fields);
        break;
      case 'r':
        if (key == "requestURI") fields.uri = text_of(field.value().raw_json_token());
        else if (key == "responseStatus") {
          int64_t code;
          if (field.value().find_field("code").get(code) == simdjson::SUCCESS) fields.code = code;
        }
        break;
      case 's':
        if (key == "stage") fields.stage = text_of(field.value().raw_json_token());
        else if (key == "stageTimestamp") fields.stage_time = text_of(field.value().raw_json_token());
        else if (key == "sourceIPs") {
          for (auto entry : field.value().get_array()) fields.source_ip = text_of(entry.raw_json_token());
        }
        break;
      case 'u':
        if (key == "user") read_user(field.value(), fields);
        break;
      case 'v':
        if (key == "verb") fields.verb = text_of(field.value().raw_json_token());
        break;
    }
  }
}

struct Totals {
  uint64_t events = 0, taken = 0;
  Counter requests, denied, errors, rbac;
  std::string key;

  void count(Counter &counter, std::initializer_list<string_view> labels) {
    key.clear();
    for (string_view label : labels) {
      key += label;
      key += '\0';
    }
    counter.add(key);
  }

  void add(const Fields &f) {
    ++events;
    taken += f.level.size() + f.audit_id.size() + f.uri.size() + f.stage_time.size();
    bool started = f.stage == "ResponseStarted" && f.user.empty() && f.code >= 400;
    if (!started && f.stage != "ResponseComplete" && f.stage != "Panic") return;
    char digits[24];
    string_view code(digits, static_cast<size_t>(write_code(digits, f.code)));
    count(requests, {f.verb, f.resource, code});
    if (f.code == 401 || f.code == 403) count(denied, {code, f.user, f.source_ip});
    else if (f.code >= 500) count(errors, {code});
    if (is_rbac(f)) count(rbac, {f.resource, f.verb});
  }

  static int write_code(char *out, int64_t code) {
    if (code < 100 || code > 999) return snprintf(out, 24, "%lld", static_cast<long long>(code));
    out[0] = static_cast<char>('0' + code / 100);
    out[1] = static_cast<char>('0' + code / 10 % 10);
    out[2] = static_cast<char>('0' + code % 10);
    return 3;
  }

  static bool is_rbac(const Fields &f) {
    return f.group == "rbac.authorization.k8s.io" && f.subresource.empty() &&
           (f.verb == "create" || f.verb == "update" || f.verb == "patch" || f.verb == "delete" ||
            f.verb == "deletecollection") &&
           (f.resource == "roles" || f.resource == "rolebindings" || f.resource == "clusterroles" ||
            f.resource == "clusterrolebindings");
  }
};

// Parses whole lines. At least SIMDJSON_PADDING bytes behind them are readable.
void count_block(od::parser &parser, const char *block, size_t length, Totals &totals) {
  od::document_stream events;
  auto error = parser.iterate_many(block, length, length < 4096 ? 4096 : length).get(events);
  if (error) throw simdjson::simdjson_error(error);
  for (auto event : events) {
    Fields fields;
    read_event(event.get_object(), fields);
    totals.add(fields);
  }
}

std::string unescaped(string_view raw) {
  if (raw.find('\\') == string_view::npos) return std::string(raw);
  simdjson::padded_string text(std::string("[\"").append(raw).append("\"]"));
  od::parser parser;
  od::document document = parser.iterate(text);
  return std::string(string_view(document.get_array().at(0).get_string()));
}

void show(const char *name, const Counter &counter) {
  counter.each([name](string_view key, uint64_t count) {
    fputs(name, stdout);
    for (size_t end; (end = key.find('\0')) != string_view::npos; key.remove_prefix(end + 1)) {
      printf("\t%s", unescaped(key.substr(0, end)).c_str());
    }
    printf("\t%llu\n", static_cast<unsigned long long>(count));
  });
}

int run(const char *path) {
  int file = open(path, O_RDONLY);
  if (file < 0) {
    perror(path);
    return 1;
  }
  std::vector<char> block((256 << 10) + simdjson::SIMDJSON_PADDING);
  od::parser parser;
  Totals totals;
  size_t held = 0;
  for (;;) {
    size_t room = block.size() - simdjson::SIMDJSON_PADDING - held;
    if (room == 0) {  // one line fills the block: give it more
      block.resize(2 * block.size());
      continue;
    }
    ssize_t got = read(file, block.data() + held, room);
    if (got < 0) {
      perror(path);
      return 1;
    }
    held += static_cast<size_t>(got);
    size_t whole = got == 0 ? held : string_view(block.data(), held).rfind('\n') + 1;  // npos + 1 is 0
    if (whole > 0) count_block(parser, block.data(), whole, totals);
    memmove(block.data(), block.data() + whole, held - whole);
    held -= whole;
    if (got == 0) break;
  }
  printf("events\t%llu\n", static_cast<unsigned long long>(totals.events));
  show("requests", totals.requests);
  show("denied", totals.denied);
  show("server_errors", totals.errors);
  show("rbac", totals.rbac);
  // Keeps the fields that are read but not counted alive; says which kernels ran, too.
  fprintf(stderr, "bytes of uncounted fields: %llu; kernels: %s, On-Demand %s\n",
          static_cast<unsigned long long>(totals.taken), simdjson::get_active_implementation()->name().c_str(),
          SIMDJSON_STRINGIFY(SIMDJSON_BUILTIN_IMPLEMENTATION));
  return 0;
}

}  // namespace

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: %s FILE\n", argv[0]);
    return 2;
  }
  try {
    return run(argv[1]);
  } catch (const simdjson::simdjson_error &error) {
    fprintf(stderr, "%s: %s\n", argv[1], error.what());
    return 1;
  }
}
