// A YAML tree as text again, with secrets replaced: for showing a configuration to others.
#ifndef SLOWBURN_APP_REDACTED_YAML_H_
#define SLOWBURN_APP_REDACTED_YAML_H_

#include <string>

#include "base/yaml.h"

namespace slowburn::app {

// Block style, keys in their order, no comments. Values of secret keys (password, credentials,
// *_secret, *_token, …) are <secret>, and so are passwords inside URLs.
std::string RedactedYaml(const base::YamlNode& root);

}  // namespace slowburn::app

#endif  // SLOWBURN_APP_REDACTED_YAML_H_
