-- Boot keys of a tenant in order of id, whichever product they are of.
CREATE INDEX boot_key_by_tenant ON boot_key (tenant, id);
