#include "app/cli.h"

int main(int argc, char** argv) { return slowburn::app::RunCommandLine(argc, argv); }
