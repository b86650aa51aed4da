#pragma once

/// Opens the namespace of a public header: `namespace laneway LANEWAY_PUBLIC {`. What is declared there is exported from the
/// shared library; everything else stays inside.
#define LANEWAY_PUBLIC __attribute__((visibility("default")))

/// Before the name of a class where it is defined outside the public headers, one of which declares it: a member or a friend of a
/// public class would else be exported too.
#define LANEWAY_PRIVATE __attribute__((visibility("hidden")))
