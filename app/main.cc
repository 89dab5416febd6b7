#include "app/cli.h"

// Read by jemalloc, where it is linked in. Answers of a million points come and go, and touching
// pages that the kernel gives out anew took longer than making their JSON. So large pieces are kept
// for the next answer, as small ones are, and may be cut up for it (1 << 16 times). What is not
// asked for again goes back to the kernel within five seconds, by a thread of jemalloc's.
extern "C" {
const char* malloc_conf =
    "oversize_threshold:0,lg_extent_max_active_fit:16,"
    "background_thread:true,dirty_decay_ms:5000,muzzy_decay_ms:0";
}

int main(int argc, char** argv) { return slowburn::app::RunCommandLine(argc, argv); }
