#include "sockrun/status.h"

#include <errno.h>

#include "util/permit.h"

const char *sr_status_name(enum sr_status s)
{
    switch (s) {
    case SR_OK: return "ok";
    case SR_CLOSED: return "closed";
    case SR_RESET: return "reset";
    case SR_REFUSED: return "refused";
    case SR_TIMEOUT: return "timeout";
    case SR_UNREACHABLE: return "unreachable";
    case SR_TLS: return "tls";
    case SR_DENIED: return "denied";
    case SR_SYSTEM: return "system";
    }
    return "system";
}

enum sr_status sr_status_of_errno(int error)
{
    switch (error) {
    case EPIPE:
    case ECONNRESET:
    case ECONNABORTED: return SR_RESET;
    case ECONNREFUSED:
    case ENOENT: return SR_REFUSED;
    case ETIMEDOUT: return SR_TIMEOUT;
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETUNREACH:
    case ENETDOWN: return SR_UNREACHABLE;
    case EPROTO: return SR_TLS;
    case PERMIT_DENIED: return SR_DENIED;
    default: return SR_SYSTEM;
    }
}
