#pragma once
#include <libyang/libyang.h>
