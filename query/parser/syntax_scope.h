// The two scopes of SyntaxParser's functions. Internal to query/parser.
#ifndef SLOWBURN_QUERY_PARSER_SYNTAX_SCOPE_H_
#define SLOWBURN_QUERY_PARSER_SYNTAX_SCOPE_H_

#include <string_view>

#include "query/parser/syntax_parser.h"

namespace slowburn::query {

// Errors inside the scope are told in terms of this construct.
class SyntaxParser::ContextScope {
 public:
  ContextScope(SyntaxParser& parser, std::string_view where, std::string_view wanted)
      : parser_(parser), outer_(parser.context_) {
    parser_.context_ = {where, wanted};
  }
  ~ContextScope() { parser_.context_ = outer_; }
  ContextScope(const ContextScope&) = delete;
  ContextScope& operator=(const ContextScope&) = delete;

 private:
  SyntaxParser& parser_;
  const Context outer_;
};

// One level of nesting.
class SyntaxParser::DepthScope {
 public:
  explicit DepthScope(SyntaxParser& parser) : parser_(parser) { ++parser_.depth_; }
  ~DepthScope() { --parser_.depth_; }
  DepthScope(const DepthScope&) = delete;
  DepthScope& operator=(const DepthScope&) = delete;

 private:
  SyntaxParser& parser_;
};

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_PARSER_SYNTAX_SCOPE_H_
