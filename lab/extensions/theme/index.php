<?php get_header(); ?>
<main>
<?php while ( have_posts() ) : ?>
	<?php the_post(); ?>
	<article <?php post_class(); ?>>
		<?php if ( is_singular() ) : ?>
			<h1><?php the_title(); ?></h1>
			<?php the_content(); ?>
		<?php else : ?>
			<h2><a href="<?php the_permalink(); ?>"><?php the_title(); ?></a></h2>
			<?php the_excerpt(); ?>
		<?php endif; ?>
	</article>
<?php endwhile; ?>
</main>
<?php get_footer(); ?>
