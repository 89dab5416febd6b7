#include "notify/label_set.h"

#include <algorithm>
#include <cstdio>

#include "notify/runes.h"

namespace slowburn::notify {
namespace {

const std::string* FindValue(const LabelSet& labels, std::string_view name) {
  const auto it =
      std::lower_bound(labels.begin(), labels.end(), name,
                       [](const auto& pair, std::string_view n) { return pair.first < n; });
  return it != labels.end() && it->first == name ? &it->second : nullptr;
}

void AppendHexEscape(std::string& out, const char* format, unsigned value) {
  char buffer[16];
  std::snprintf(buffer, sizeof(buffer), format, value);
  out += buffer;
}

void AppendQuotedRune(std::string& out, char32_t rune) {
  switch (rune) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\a':
      out += "\\a";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\v':
      out += "\\v";
      return;
    default:
      break;
  }
  if (IsPrintableRune(rune)) {
    AppendRune(out, rune);
  } else if (rune < ' ' || rune == 0x7F) {
    AppendHexEscape(out, "\\x%02x", unsigned(rune));
  } else if (rune < 0x10000) {
    AppendHexEscape(out, "\\u%04x", unsigned(rune));
  } else {
    AppendHexEscape(out, "\\U%08x", unsigned(rune));
  }
}

}  // namespace

Fingerprint FingerprintOf(const LabelSet& labels) {
  uint64_t hash = 14695981039346656037u;
  const auto add = [&](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
    hash = (hash ^ 0xFF) * 1099511628211u;
  };
  for (const auto& [name, value] : labels) {
    add(name);
    add(value);
  }
  // The empty set's hash is the offset basis, in Prometheus too.
  return Fingerprint{hash};
}

std::string FingerprintHex(Fingerprint fingerprint) {
  char buffer[17];
  std::snprintf(buffer, sizeof(buffer), "%016llx", static_cast<unsigned long long>(fingerprint));
  return buffer;
}

LabelSet MakeLabelSet(std::vector<std::pair<std::string, std::string>> pairs) {
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  LabelSet labels;
  labels.reserve(pairs.size());
  for (auto& pair : pairs) {
    if (!labels.empty() && labels.back().first == pair.first) {
      labels.back().second = std::move(pair.second);
    } else {
      labels.push_back(std::move(pair));
    }
  }
  std::erase_if(labels, [](const auto& pair) { return pair.second.empty(); });
  return labels;
}

std::string_view LabelValue(const LabelSet& labels, std::string_view name) {
  const std::string* value = FindValue(labels, name);
  return value == nullptr ? std::string_view() : std::string_view(*value);
}

std::string LabelSetString(const LabelSet& labels) {
  std::string out = "{";
  for (const auto& [name, value] : labels) {
    if (out.size() > 1) out += ", ";
    out += name;
    out += '=';
    out += GoQuote(value);
  }
  out += '}';
  return out;
}

bool LabelsBefore(const LabelSet& a, const LabelSet& b) {
  if (a.size() != b.size()) return a.size() < b.size();
  for (size_t i = 0, j = 0; i < a.size() || j < b.size(); ++i, ++j) {
    // The smaller name is missing on the other side; the side that lacks it comes first.
    if (i == a.size()) return true;
    if (j == b.size()) return false;
    if (a[i].first != b[j].first) return a[i].first > b[j].first;
    if (a[i].second != b[j].second) return a[i].second < b[j].second;
  }
  return false;
}

bool NotificationBefore(const LabelSet& a, const LabelSet& b) {
  for (const std::string_view name : {"job", "instance"}) {
    const std::string* value_a = FindValue(a, name);
    const std::string* value_b = FindValue(b, name);
    if (value_a == nullptr && value_b == nullptr) continue;
    if (value_a == nullptr) return false;
    if (value_b == nullptr) return true;
    if (*value_a != *value_b) return *value_a < *value_b;
  }
  return LabelsBefore(a, b);
}

std::string GoQuote(std::string_view text) {
  std::string out = "\"";
  for (size_t i = 0; i < text.size();) {
    const Rune rune = DecodeRune(text, i);
    if (rune.valid) {
      AppendQuotedRune(out, rune.value);
    } else {
      AppendHexEscape(out, "\\x%02x", static_cast<unsigned char>(text[i]));
    }
    i += rune.width;
  }
  out += '"';
  return out;
}

bool IsUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const Rune rune = DecodeRune(text, i);
    if (!rune.valid) return false;
    i += rune.width;
  }
  return true;
}

bool IsLabelName(std::string_view name) { return !name.empty() && IsUtf8(name); }

bool IsLegacyLabelName(std::string_view name) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  if (name.empty() || !letter(name[0])) return false;
  return std::all_of(name.begin(), name.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

}  // namespace slowburn::notify
