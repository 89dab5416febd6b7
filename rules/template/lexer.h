// Lexer of Go's template language: text, and the tokens between {{ and }}.
//
// Trim markers ({{- and -}}) and comments are dealt with here. Errors become a last token of kind
// kError.
#ifndef SLOWBURN_RULES_TEMPLATE_LEXER_H_
#define SLOWBURN_RULES_TEMPLATE_LEXER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slowburn::rules {

enum class TemplateToken : uint8_t {
  kError,
  kEnd,
  kText,
  kLeftDelim,
  kRightDelim,
  kSpace,
  kPipe,
  kDeclare,
  kAssign,
  kChar,
  kLeftParen,
  kRightParen,
  kBool,
  kCharConstant,
  kField,
  kIdentifier,
  kNumber,
  kRawString,
  kString,
  kVariable,
  kDot,
  kNil,
  kBlock,
  kBreak,
  kContinue,
  kDefine,
  kElse,
  kEndKeyword,
  kIf,
  kRange,
  kTemplate,
  kWith,
};

struct Token {
  TemplateToken kind = TemplateToken::kEnd;
  size_t offset = 0;  // of its first byte in the text
  std::string text;   // as written; of kError the message
};

// The whole text. The last token is kEnd or kError.
std::vector<Token> LexTemplate(std::string_view text);

// As errors name it: "EOF", <if>, "}}", the first ten characters of something long.
std::string Describe(const Token& token);

}  // namespace slowburn::rules

#endif  // SLOWBURN_RULES_TEMPLATE_LEXER_H_
