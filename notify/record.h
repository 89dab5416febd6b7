// Records: how notify's state looks in the StateStore. A record is a list of numbered fields, each
// a number or bytes, in any order and any number of times; fields that a reader does not know are
// skipped, so old and new versions read each other's state. Field numbers are never used again for
// something else.
#ifndef SLOWBURN_NOTIFY_RECORD_H_
#define SLOWBURN_NOTIFY_RECORD_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slowburn::notify {

class RecordWriter {
 public:
  void Int(uint32_t field, int64_t value);             // zero is not written
  void Bytes(uint32_t field, std::string_view value);  // "" is not written
  // One field per pair.
  void Pairs(uint32_t field, const std::vector<std::pair<std::string, std::string>>& pairs);
  std::string Take() { return std::move(out_); }

 private:
  void Varint(uint64_t value);
  std::string out_;
};

//   for (RecordReader r(bytes); r.Next();) switch (r.field()) { case 1: name = r.bytes(); … }
//   if (!r.ok()) …
class RecordReader {
 public:
  explicit RecordReader(std::string_view record) : rest_(record) {}
  // The next field; false at the end and at the first fault.
  bool Next();
  bool ok() const { return ok_; }
  uint32_t field() const { return field_; }
  int64_t number() const { return number_; }
  std::string_view bytes() const { return bytes_; }
  std::string str() const { return std::string(bytes_); }
  // The pair that Pairs wrote.
  std::pair<std::string, std::string> pair();

 private:
  bool Varint(uint64_t& value);
  std::string_view rest_;
  uint32_t field_ = 0;
  int64_t number_ = 0;
  std::string_view bytes_;
  bool ok_ = true;
};

}  // namespace slowburn::notify

#endif  // SLOWBURN_NOTIFY_RECORD_H_
