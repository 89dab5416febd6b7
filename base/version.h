// What this binary is: shown by --version, /api/v1/status/buildinfo and slowburn_build_info.
#ifndef SLOWBURN_BASE_VERSION_H_
#define SLOWBURN_BASE_VERSION_H_

namespace slowburn::base {

extern const char* const kVersion;   // "0.1.0"
extern const char* const kRevision;  // git commit, or "unknown" outside a checkout
extern const char* const kCompiler;

}  // namespace slowburn::base

#endif  // SLOWBURN_BASE_VERSION_H_
