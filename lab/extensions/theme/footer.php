<footer><p>&copy; <?php bloginfo( 'name' ); ?> &middot; <?php bloginfo( 'description' ); ?></p></footer>
<?php wp_footer(); ?>
</body>
</html>
