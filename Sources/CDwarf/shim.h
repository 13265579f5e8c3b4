#include <dwarf.h>
#include <elfutils/libdw.h>
#include <gelf.h>
