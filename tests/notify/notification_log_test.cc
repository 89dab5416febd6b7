#include "notify/notification_log.h"

#include <gtest/gtest.h>

#include "tests/testing/status_matchers.h"

namespace slowburn::notify {
namespace {

FingerprintSet Set(std::initializer_list<uint64_t> values) {
  FingerprintSet set;
  for (const uint64_t v : values) set.insert(Fingerprint{v});
  return set;
}

struct Case {
  const char* what;
  LogEntry entry;
  FingerprintSet firing, resolved;
  bool send_resolved;
  base::TimestampMs now;
  std::string_view want;
};

constexpr base::DurationMs kRepeat = 1000;

TEST(NotificationLog, WhenToSend) {
  const LogEntry none;
  const LogEntry one{.time = 5000, .firing = Set({1}), .resolved = {}, .open = Set({1})};
  const LogEntry two{.time = 5000, .firing = Set({1, 2}), .resolved = {}, .open = Set({1, 2})};
  const LogEntry over{.time = 5000, .firing = {}, .resolved = Set({1}), .open = {}};
  const LogEntry told_resolved{
      .time = 5000, .firing = Set({1}), .resolved = Set({2}), .open = Set({1})};
  const LogEntry muted_rest{.time = 5000, .firing = Set({1}), .resolved = {}, .open = Set({1, 2})};
  const LogEntry only_open{.time = 5000, .firing = {}, .resolved = {}, .open = Set({2})};
  const Case cases[] = {
      {"nothing known, firing", none, Set({1}), {}, true, 5000, "first notification"},
      {"nothing known, only resolved", none, {}, Set({1}), true, 5000, ""},
      {"nothing known, nothing now", none, {}, {}, true, 5000, ""},
      {"one more", one, Set({1, 2}), {}, true, 5001, "new alerts added"},
      {"another one", one, Set({2}), {}, false, 5001, "new alerts added"},
      {"the same again", one, Set({1}), {}, true, 5999, ""},
      {"the same again, later", one, Set({1}), {}, true, 6000, "repeat interval elapsed"},
      {"all over", one, {}, Set({1}), true, 5001, "all alerts resolved"},
      {"all over, not wanted", one, {}, Set({1}), false, 5001, "all alerts resolved"},
      {"everything muted", one, {}, {}, true, 5001, ""},
      {"one of two over", two, Set({1}), Set({2}), true, 5001, "some alerts resolved"},
      {"one of two over, not wanted", two, Set({1}), Set({2}), false, 5001, ""},
      {"one of two over, told before", told_resolved, Set({1}), Set({2}), true, 5001, ""},
      {"one of two merely gone", two, Set({1}), {}, true, 5001, ""},
      {"after the end, still over", over, {}, Set({1}), true, 7000, ""},
      {"after the end, again", over, Set({1}), {}, true, 5001, "first notification"},
      {"fired and over between two flushes", over, {}, Set({3}), true, 7000, ""},
      {"the end of one that was muted last time", muted_rest, Set({1}), Set({2}), true, 5001,
       "some alerts resolved"},
      {"the end of the last one, muted last time",
       only_open,
       {},
       Set({2}),
       true,
       5001,
       "all alerts resolved"},
      {"the same, not wanted", only_open, {}, Set({2}), false, 5001, ""},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(ReasonToSend(c.entry, {c.firing, c.resolved, c.send_resolved, kRepeat, c.now}),
              c.want)
        << c.what;
  }
}

TEST(NotificationLog, DeliveryMovesTheEntry) {
  LogEntry entry = AfterDelivery({}, Set({1, 2}), {}, 10);
  EXPECT_EQ(entry.open, Set({1, 2}));
  entry = AfterDelivery(entry, Set({1}), {}, 20);  // 2 is muted
  EXPECT_EQ(entry.firing, Set({1}));
  EXPECT_EQ(entry.open, Set({1, 2}));
  entry = AfterDelivery(entry, {}, Set({1, 2}), 30);
  EXPECT_EQ(entry, (LogEntry{.time = 30, .firing = {}, .resolved = Set({1, 2}), .open = {}}));
}

TEST(NotificationLog, ADoubtfulDeliveryLeavesNothingOut) {
  const LogEntry entry{.time = 5, .firing = Set({1}), .resolved = {}, .open = Set({1})};
  const LogEntry after = AfterDoubtfulDelivery(entry, Set({2}), Set({1}));
  EXPECT_EQ(after.firing, FingerprintSet{});  // the receiver may believe that 1 is over
  EXPECT_EQ(after.open, Set({1, 2}));         // and that 2 fires
}

TEST(NotificationLog, EncodesAndDecodes) {
  const LogEntry entry{
      .time = 123, .firing = Set({1, ~uint64_t{0}}), .resolved = Set({7}), .open = Set({9})};
  ASSERT_OK_AND_ASSIGN(const LogEntry again, DecodeLogEntry(EncodeLogEntry(entry)));
  EXPECT_EQ(again, entry);
}

TEST(Record, SkipsUnknownFieldsAndNoticesEveryTruncation) {
  RecordWriter writer;
  writer.Int(1, -5);
  writer.Bytes(99, "future");
  writer.Pairs(2, {{"a", "b"}, {"", ""}});
  writer.Int(3, int64_t{1} << 62);
  const std::string record = writer.Take();
  const auto read = [](std::string_view bytes) {
    std::string out;
    RecordReader r(bytes);
    while (r.Next()) {
      if (r.field() == 1 || r.field() == 3) out += std::to_string(r.number()) + ";";
      if (r.field() == 2) {
        const auto [name, value] = r.pair();
        out += name + "=" + value + ";";
      }
    }
    return r.ok() ? out : "broken";
  };
  EXPECT_EQ(read(record), "-5;a=b;=;4611686018427387904;");
  for (size_t n = 1; n < record.size(); ++n) {
    const std::string got = read(std::string_view(record).substr(0, n));
    EXPECT_TRUE(got == "broken" || std::string("-5;a=b;=;").starts_with(got)) << n << ": " << got;
  }
}

}  // namespace
}  // namespace slowburn::notify
