#pragma once
#include <libyang/libyang.h>
#include <libyang/plugins_exts.h>

// What Swift cannot import of libyang and PCRE2: macros that act like functions, and pointers whose type depends on a tag.

/// Items of a libyang sized array; 0 for NULL.
static inline uint64_t nso_array_count(const void *array) {
  return array ? ((const LY_ARRAY_COUNT_TYPE *)array)[-1] : 0;
}

/// The parsed statement a compiled node was made from (LY_CTX_SET_PRIV_PARSED).
static inline const struct lysp_node *nso_parsed_node(const struct lysc_node *node) {
  return (const struct lysp_node *)node->priv;
}

static inline uint32_t nso_pattern_inverted(const struct lysc_pattern *pattern) { return pattern->inverted; }

static inline uint8_t nso_is_submodule(const struct lysp_module *module) { return module->is_submod; }
