#pragma once

/// Opens the namespace of a public header: `namespace laneway LANEWAY_PUBLIC {`. What is declared there is exported from the
/// shared library; everything else stays inside.
#define LANEWAY_PUBLIC __attribute__((visibility("default")))
