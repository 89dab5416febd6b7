#!/usr/bin/env python3
"""embed_assets.py FOLDER OUT.cc FUNCTION: the files of a folder as a C++ table (FUNCTION is declared in app/assets.h)."""
import os
import sys

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".yml": "application/yaml",
}


def main() -> None:
    dist, out, function = sys.argv[1:]
    paths = sorted(
        os.path.relpath(os.path.join(folder, name), dist)
        for folder, _, names in os.walk(dist)
        for name in names
    )
    arrays, rows = [], []
    for i, path in enumerate(paths):
        with open(os.path.join(dist, path), "rb") as file:
            data = file.read()
        body = ",".join(map(str, data))
        arrays.append(f"constexpr unsigned char kFile{i}[] = {{{body}}};")
        kind = TYPES[os.path.splitext(path)[1]]
        rows.append(f'    {{"/{path}", "{kind}", {{reinterpret_cast<const char*>(kFile{i}), sizeof(kFile{i})}}}},')
    with open(out, "w", encoding="utf-8") as file:
        file.write('#include "app/assets.h"\n\nnamespace slowburn::app {\nnamespace {\n')
        file.write("\n".join(arrays))
        file.write("\n}  // namespace\n\nconst std::vector<Asset>& " + function + "() {\n")
        file.write("  static const std::vector<Asset>& assets = *new std::vector<Asset>{\n")
        file.write("\n".join(rows))
        file.write("\n  };\n  return assets;\n}\n\n}  // namespace slowburn::app\n")


main()
