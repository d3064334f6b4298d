-- The records of one request, for whoever holds its id (GET /api/v1/audit?request_id=…).
CREATE INDEX audit_by_request ON audit (tenant, request_id, at, node, epoch, lane, seq) WHERE tenant IS NOT NULL AND request_id <> '';
