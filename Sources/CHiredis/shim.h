#pragma once

/* The reply parser alone: hiredis's sockets and its own reply objects are not used. */
#include <hiredis/read.h>
