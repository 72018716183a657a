-- Clusters of EKS: workers sign in there with tokens that they make from an AWS account.

ALTER TABLE kubernetes_runtime_instances ADD COLUMN eks_cluster_name text;
ALTER TABLE aws_accounts ADD COLUMN external_id text;
COMMENT ON COLUMN kubernetes_runtime_instances.eks_cluster_name IS 'name of the cluster in EKS; the account is the one that infra_provider_account_name of the definition names';
COMMENT ON COLUMN aws_accounts.external_id IS 'what the trust policy of the role asks for; no secret';
