// The macros come from base/CMakeLists.txt, for this file only.
#include "base/version.h"

namespace slowburn::base {

const char* const kVersion = SLOWBURN_VERSION;
const char* const kRevision = SLOWBURN_REVISION;
#if defined(__clang__)
const char* const kCompiler = "clang " __clang_version__;
#else
const char* const kCompiler = "g++ " __VERSION__;
#endif

}  // namespace slowburn::base
