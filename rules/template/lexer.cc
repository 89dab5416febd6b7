#include "rules/template/lexer.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rules/template/format.h"

namespace slowburn::rules {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool IsWordByte(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || (c & 0x80) != 0;
}

struct Keyword {
  std::string_view text;
  TemplateToken kind;
};
constexpr Keyword kKeywords[] = {
    {"block", TemplateToken::kBlock},
    {"break", TemplateToken::kBreak},
    {"continue", TemplateToken::kContinue},
    {"define", TemplateToken::kDefine},
    {"else", TemplateToken::kElse},
    {"end", TemplateToken::kEndKeyword},
    {"if", TemplateToken::kIf},
    {"nil", TemplateToken::kNil},
    {"range", TemplateToken::kRange},
    {"template", TemplateToken::kTemplate},
    {"with", TemplateToken::kWith},
    {"true", TemplateToken::kBool},
    {"false", TemplateToken::kBool},
};

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  std::vector<Token> Run() {
    while (Text() && Action()) {
    }
    return std::move(tokens_);
  }

 private:
  bool StartsWith(std::string_view prefix) const {
    return text_.substr(at_, prefix.size()) == prefix;
  }
  bool AtEnd() const { return at_ >= text_.size(); }
  char Peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  void Emit(TemplateToken kind, size_t begin) {
    tokens_.push_back({kind, begin, std::string(text_.substr(begin, at_ - begin))});
  }
  bool Error(size_t at, std::string message) {
    tokens_.push_back({TemplateToken::kError, at, std::move(message)});
    return false;
  }
  bool ErrorRune(std::string_view what, size_t at) {
    const DecodedRune d = DecodeRune(text_.substr(at));
    char hex[16];
    std::snprintf(hex, sizeof hex, "U+%04X", d.rune);
    return Error(at, absl::StrCat(std::string(what), " ", hex, " '",
                                  std::string(text_.substr(at, d.length)), "'"));
  }

  // Text up to the next action; false at the end of the template.
  bool Text() {
    if (trim_next_) {
      while (!AtEnd() && IsBlank(text_[at_])) ++at_;
      trim_next_ = false;
    }
    const size_t begin = at_;
    const size_t open = text_.find("{{", at_);
    if (open == std::string_view::npos) {
      at_ = text_.size();
      if (at_ > begin) Emit(TemplateToken::kText, begin);
      tokens_.push_back({TemplateToken::kEnd, at_, ""});
      return false;
    }
    size_t end = open;
    const bool trim = open + 3 < text_.size() && text_[open + 2] == '-' && IsBlank(text_[open + 3]);
    if (trim) {
      while (end > begin && IsBlank(text_[end - 1])) --end;
    }
    at_ = end;
    if (end > begin) Emit(TemplateToken::kText, begin);
    at_ = open + 2 + (trim ? 2 : 0);
    left_ = open;
    return true;
  }

  // Is this the end of the action, with or without a trim marker?
  bool AtRightDelim(bool& trims) const {
    trims = IsBlank(Peek()) && Peek(1) == '-' && text_.substr(at_ + 2, 2) == "}}";
    return trims || StartsWith("}}");
  }
  void RightDelim(bool trims) {
    if (trims) at_ += 2;
    const size_t begin = at_;
    at_ += 2;
    Emit(TemplateToken::kRightDelim, begin);
    trim_next_ = trims;
  }

  bool Comment() {
    const size_t begin = at_;
    const size_t close = text_.find("*/", at_ + 2);
    if (close == std::string_view::npos) return Error(begin, "unclosed comment");
    at_ = close + 2;
    bool trims = false;
    if (!AtRightDelim(trims)) return Error(begin, "comment ends before closing delimiter");
    at_ += trims ? 4 : 2;
    trim_next_ = trims;
    return true;
  }

  bool Action() {
    if (StartsWith("/*")) return Comment();
    tokens_.push_back({TemplateToken::kLeftDelim, left_, "{{"});
    parens_ = 0;
    while (true) {
      bool trims = false;
      if (AtRightDelim(trims)) {
        if (parens_ > 0) return Error(at_, "unclosed left paren");
        RightDelim(trims);
        return true;
      }
      if (AtEnd()) return Error(at_, "unclosed action");
      if (!Inside()) return false;
    }
  }

  bool Inside() {
    const size_t begin = at_;
    const char c = text_[at_];
    if (IsBlank(c)) {
      bool trims = false;
      while (!AtEnd() && IsBlank(text_[at_]) && !AtRightDelim(trims)) ++at_;
      Emit(TemplateToken::kSpace, begin);
      return true;
    }
    switch (c) {
      case '=':
        ++at_, Emit(TemplateToken::kAssign, begin);
        return true;
      case ':':
        if (Peek(1) != '=') return Error(begin, "expected :=");
        at_ += 2, Emit(TemplateToken::kDeclare, begin);
        return true;
      case '|':
        ++at_, Emit(TemplateToken::kPipe, begin);
        return true;
      case '"':
        return Quoted('"', "unterminated quoted string", TemplateToken::kString);
      case '\'':
        return Quoted('\'', "unterminated character constant", TemplateToken::kCharConstant);
      case '`': {
        const size_t close = text_.find('`', at_ + 1);
        if (close == std::string_view::npos) return Error(begin, "unterminated raw quoted string");
        at_ = close + 1, Emit(TemplateToken::kRawString, begin);
        return true;
      }
      case '(':
        ++at_, ++parens_, Emit(TemplateToken::kLeftParen, begin);
        return true;
      case ')':
        if (parens_ == 0) return Error(begin, "unexpected right paren");
        ++at_, --parens_, Emit(TemplateToken::kRightParen, begin);
        return true;
      case '$':
        return Word(TemplateToken::kVariable);
      case '.':
        if (!std::isdigit(static_cast<unsigned char>(Peek(1)))) return Word(TemplateToken::kField);
        return Number();
      default:
        break;
    }
    if (c == '+' || c == '-' || std::isdigit(static_cast<unsigned char>(c))) return Number();
    if (IsWordByte(c)) return Identifier();
    if (c > ' ' && c < 0x7f) {
      ++at_, Emit(TemplateToken::kChar, begin);
      return true;
    }
    return ErrorRune("unrecognized character in action:", begin);
  }

  bool Quoted(char quote, const char* unterminated, TemplateToken kind) {
    const size_t begin = at_++;
    while (true) {
      if (AtEnd() || text_[at_] == '\n') return Error(begin, unterminated);
      if (text_[at_] == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] != '\n') {
        at_ += 2;
      } else if (text_[at_++] == quote) {
        Emit(kind, begin);
        return true;
      }
    }
  }

  // After a word only these may stand.
  bool AtTerminator() const {
    if (AtEnd()) return true;
    const char c = text_[at_];
    return IsBlank(c) || std::string_view(".,|:)(=").find(c) != std::string_view::npos ||
           StartsWith("}}");
  }

  // .Field or $variable; alone they are the dot and the root variable "$".
  bool Word(TemplateToken kind) {
    const size_t begin = at_++;
    while (!AtEnd() && IsWordByte(text_[at_])) ++at_;
    if (!AtTerminator()) return ErrorRune("bad character", at_);
    Emit(kind == TemplateToken::kField && at_ == begin + 1 ? TemplateToken::kDot : kind, begin);
    return true;
  }

  bool Identifier() {
    const size_t begin = at_;
    while (!AtEnd() && IsWordByte(text_[at_])) ++at_;
    if (!AtTerminator()) return ErrorRune("bad character", at_);
    const std::string_view word = text_.substr(begin, at_ - begin);
    TemplateToken kind = TemplateToken::kIdentifier;
    for (const Keyword& k : kKeywords) {
      if (k.text == word) kind = k.kind;
    }
    Emit(kind, begin);
    return true;
  }

  bool Number() {
    const size_t begin = at_;
    if (Peek() == '+' || Peek() == '-') ++at_;
    const bool hex = Peek() == '0' && (Peek(1) == 'x' || Peek(1) == 'X');
    while (!AtEnd()) {
      const char c = text_[at_];
      const char before = at_ > begin ? text_[at_ - 1] : '\0';
      const bool exponent = hex ? before == 'p' || before == 'P' : before == 'e' || before == 'E';
      if (IsWordByte(c) || c == '.' || ((c == '+' || c == '-') && exponent)) {
        ++at_;
      } else {
        break;
      }
    }
    if (at_ == begin ||
        (at_ == begin + 1 && !std::isdigit(static_cast<unsigned char>(text_[begin])))) {
      at_ = std::max(at_, begin + 1);
      return Error(begin,
                   absl::StrCat("bad number syntax: ", QuoteGo(text_.substr(begin, at_ - begin))));
    }
    Emit(TemplateToken::kNumber, begin);
    return true;
  }

  const std::string_view text_;
  size_t at_ = 0;
  size_t left_ = 0;  // where the current action's {{ stood
  int parens_ = 0;
  bool trim_next_ = false;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> LexTemplate(std::string_view text) { return Lexer(text).Run(); }

std::string Describe(const Token& token) {
  if (token.kind == TemplateToken::kEnd) return "EOF";
  if (token.kind == TemplateToken::kError) return token.text;
  if (token.kind >= TemplateToken::kBlock || token.kind == TemplateToken::kNil ||
      token.kind == TemplateToken::kDot) {
    return absl::StrCat("<", token.text, ">");
  }
  size_t bytes = 0;
  for (int i = 0; i < 10 && bytes < token.text.size(); ++i) {
    bytes += DecodeRune(std::string_view(token.text).substr(bytes)).length;
  }
  if (bytes < token.text.size()) return QuoteGo(token.text.substr(0, bytes)) + "...";
  return QuoteGo(token.text);
}

}  // namespace slowburn::rules
