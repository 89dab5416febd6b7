// The web page's files, built from web/ and embedded at build time by web/embed_assets.py.
// Threads: immutable.
#ifndef SLOWBURN_APP_ASSETS_H_
#define SLOWBURN_APP_ASSETS_H_

#include <string_view>
#include <vector>

namespace slowburn::app {

struct Asset {
  std::string_view path;  // "/index.html", "/assets/app.js"
  std::string_view content_type;
  std::string_view bytes;
};

const std::vector<Asset>& Assets();
const std::vector<Asset>& DemoFiles();

}  // namespace slowburn::app

#endif  // SLOWBURN_APP_ASSETS_H_
